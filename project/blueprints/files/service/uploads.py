"""Taking a file in."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from project.blueprints.files import policy, repository, thumbnails
from project.blueprints.files.content_type import Detector
from project.blueprints.files.errors import ChecksumMismatch, FileTooLarge, FileTypeNotAllowed
from project.blueprints.files.jobs import MAKE_THUMBNAILS
from project.blueprints.files.service.trash import purge_file
from project.blueprints.organizations import service as organizations
from project.config import current_settings
from project.errors import Error, NotFound, ValidationFailed
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.logging import logger
from project.infrastructure.storage import Storage, current_storage


class IncomingUpload(Protocol):
    """A file that is arriving, and the fields around it, known when the last chunk has been taken."""

    filename: str

    @property
    def chunks(self) -> Iterator[bytes]: ...
    def fields(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Receipt:
    """What arrived; `size` is in bytes, `sha256` in hex."""

    size: int
    sha256: str
    content_type: str


@dataclass
class ReceivedUpload:
    """A file whose bytes are in the store, under the key of its `pending` row."""

    pending: Any
    receipt: Receipt
    filename: str
    organization_id: UUID | None
    sha256: str | None
    is_stored: bool = False

    @property
    def content(self) -> bytes:
        """The same bytes for the same upload."""
        return repr((self.receipt.sha256, self.filename, self.organization_id, self.sha256)).encode()


@contextmanager
def receive_upload(*, owner_id: UUID, incoming: IncomingUpload) -> Iterator[ReceivedUpload]:
    """A new file in the store, its row `pending`; unless `store` makes it visible in the block, it goes again.

    What a killed process leaves is swept.
    Raises FileTooLarge, FileTypeNotAllowed, ChecksumMismatch, NotFound, StorageUnavailable.
    """
    settings = current_settings()
    filename = policy.safe_filename(incoming.filename)
    with transaction():
        pending = repository.add_pending(owner_id)
    try:
        receipt = _receive(
            current_storage(),
            f"{pending.storage_key}/original",
            incoming.chunks,
            filename=filename,
            most_bytes=settings.max_file_bytes,
            allowed_types=settings.allowed_content_types,
        )
        received = ReceivedUpload(pending, receipt, filename, **incoming.fields())
        _ensure_may_be_stored(received)
        yield received
    except BaseException:
        _purge_failed_upload(pending)
        raise
    if not received.is_stored:
        _purge_failed_upload(pending)


def store_upload(received: ReceivedUpload) -> Any:
    """Make it visible, and its thumbnails a job.

    Raises NotFound when it was swept away, or its owner has left the organization meanwhile.
    """
    receipt = received.receipt
    renderable = receipt.content_type in thumbnails.SUPPORTED
    with transaction():
        _ensure_may_be_stored(received)
        file = repository.store_file(
            received.pending.id,
            organization_id=received.organization_id,
            filename=received.filename,
            content_type=receipt.content_type,
            size=receipt.size,
            sha256=receipt.sha256,
            thumbnails="pending" if renderable else "unsupported",
        )
        if file is None:
            raise NotFound("The upload took too long and was removed.")
        if renderable:
            jobs.enqueue(MAKE_THUMBNAILS, file_id=file.id)
    received.is_stored = True
    return file


def _ensure_may_be_stored(received: ReceivedUpload) -> None:
    receipt = received.receipt
    if received.sha256 is not None and received.sha256.lower() != receipt.sha256:
        raise ChecksumMismatch(f"The uploaded content has the SHA-256 checksum {receipt.sha256}.")
    if received.organization_id is not None:
        organizations.ensure_member(received.organization_id, received.pending.owner_id)


def _purge_failed_upload(pending: Any) -> None:
    """Remove what a failed upload left; if that fails too, the sweep will."""
    try:
        purge_file(pending, "pending")
    except Error as error:
        logger.warning("files.upload_cleanup_failed", file_id=str(pending.id), error=repr(error))


def _receive(
    storage: Storage,
    key: str,
    chunks: Iterable[bytes],
    *,
    filename: str,
    most_bytes: int,
    allowed_types: Iterable[str],
) -> Receipt:
    """Stream `chunks` to `key`. Raises FileTooLarge, FileTypeNotAllowed, and what `chunks` or the store raise."""
    detector = Detector(filename)
    meter = _Meter(chunks, detector, most_bytes)
    storage.put(key, meter)
    if meter.size == 0:
        raise ValidationFailed(errors=[{"pointer": "/file", "location": "files", "detail": "The file is empty."}])
    content_type = detector.result() or ""
    if content_type not in allowed_types:
        raise FileTypeNotAllowed(f"The detected type is {content_type}.")
    return Receipt(meter.size, meter.digest.hexdigest(), content_type)


class _Meter:
    def __init__(self, chunks: Iterable[bytes], detector: Detector, most_bytes: int) -> None:
        self._chunks = chunks
        self._detector = detector
        self._most_bytes = most_bytes
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._most_bytes:
                raise FileTooLarge(f"A file may have at most {self._most_bytes} bytes.")
            self.digest.update(chunk)
            self._detector.feed(chunk)
            yield chunk
