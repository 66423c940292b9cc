"""Uploading in two steps: receive the content, then store the file."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from project.blueprints.files import policy, repository
from project.blueprints.files.content_type import Detector
from project.blueprints.files.errors import ChecksumMismatch, FileTooLarge, FileTypeNotAllowed
from project.blueprints.files.file_types import CONTENT_TYPES, IMAGE_FORMATS
from project.blueprints.files.jobs import MAKE_THUMBNAILS
from project.blueprints.files.models import FileLocation, FileRow
from project.blueprints.files.service.trash import purge_file
from project.blueprints.organizations import service as organizations
from project.config import current_settings
from project.errors import Error, NotFound, ValidationFailed
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.logging import logger
from project.infrastructure.storage import Storage, current_storage


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """The form fields of an upload. `sha256` is the checksum that the client expects, in hex."""

    organization_id: UUID | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The received content: its size in bytes, its checksum in hex and its detected type."""

    size: int
    sha256: str
    content_type: str


@dataclass(slots=True)
class ReceivedUpload:
    """An upload whose content is in storage and whose row is still `pending`."""

    location: FileLocation
    owner_id: UUID
    receipt: Receipt
    filename: str
    options: UploadOptions
    is_stored: bool = False

    @property
    def content(self) -> bytes:
        """Bytes that represent the upload when idempotent requests are compared. Equal uploads yield equal bytes."""
        return repr((self.receipt.sha256, self.filename, self.options.organization_id, self.options.sha256)).encode()


@contextmanager
def receive_upload(
    *, owner_id: UUID, filename: str, chunks: Iterable[bytes], read_options: Callable[[], UploadOptions]
) -> Iterator[ReceivedUpload]:
    """Write an upload to storage, with a `pending` row. The `with` block must call `store_upload` to keep it.

    `read_options` is called after the last of `chunks`, because form fields may follow the file. An upload that
    is not stored by the end of the block is removed. If the process is killed, `purge_files` removes the upload later.
    Raises FileTooLarge, FileTypeNotAllowed, ChecksumMismatch, NotFound, StorageUnavailable.
    """
    settings = current_settings()
    filename = policy.safe_filename(filename)
    with transaction():
        location = repository.add_pending(owner_id)
    try:
        receipt = _receive(
            current_storage(),
            f"{location.storage_key}/original",
            chunks,
            filename=filename,
            max_bytes=settings.max_file_bytes,
            allowed_types=settings.allowed_content_types or CONTENT_TYPES,
        )
        received = ReceivedUpload(location, owner_id, receipt, filename, read_options())
        _ensure_may_be_stored(received)
        yield received
    except BaseException:
        _purge_failed_upload(location)
        raise
    if not received.is_stored:
        _purge_failed_upload(location)


def store_upload(received: ReceivedUpload) -> FileRow:
    """Make a received file visible, enqueue a thumbnail job if its type supports thumbnails, and return the file.

    Raises ChecksumMismatch, and NotFound if the upload took too long and was purged, or if the user is not a member
    of the organization.
    """
    receipt = received.receipt
    renderable = receipt.content_type in IMAGE_FORMATS
    with transaction():
        _ensure_may_be_stored(received)
        file = repository.store_file(
            received.location.id,
            organization_id=received.options.organization_id,
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
    options, sha256 = received.options, received.receipt.sha256
    if options.sha256 is not None and options.sha256.lower() != sha256:
        raise ChecksumMismatch(f"The uploaded content has the SHA-256 checksum {sha256}.")
    if options.organization_id is not None:
        organizations.ensure_member(options.organization_id, received.owner_id)


def _purge_failed_upload(location: FileLocation) -> None:
    """Remove a failed upload. If that fails as well, `purge_files` removes it later."""
    try:
        purge_file(location, "pending")
    except Error as error:
        logger.warning("files.upload_cleanup_failed", file_id=str(location.id), error=repr(error))


def _receive(
    storage: Storage,
    key: str,
    chunks: Iterable[bytes],
    *,
    filename: str,
    max_bytes: int,
    allowed_types: Iterable[str],
) -> Receipt:
    """Stream `chunks` to the object `key` and return the receipt.

    Raises FileTooLarge, FileTypeNotAllowed, ValidationFailed if the file is empty, and any error from `chunks` or
    from storage.
    """
    detector = Detector(filename)
    meter = _Meter(chunks, detector, max_bytes)
    storage.put(key, meter)
    if meter.size == 0:
        raise ValidationFailed(errors=[{"pointer": "/file", "location": "files", "detail": "The file is empty."}])
    content_type = detector.result() or ""
    if content_type not in allowed_types:
        raise FileTypeNotAllowed(f"The detected type is {content_type}.")
    return Receipt(meter.size, meter.digest.hexdigest(), content_type)


class _Meter:
    """Counts, hashes and inspects the chunks that it yields. Raises FileTooLarge if they exceed `max_bytes`."""

    def __init__(self, chunks: Iterable[bytes], detector: Detector, max_bytes: int) -> None:
        self._chunks = chunks
        self._detector = detector
        self._max_bytes = max_bytes
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise FileTooLarge(f"A file may be at most {self._max_bytes} bytes long.")
            self.digest.update(chunk)
            self._detector.feed(chunk)
            yield chunk
