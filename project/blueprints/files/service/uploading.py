"""Taking a file in."""

from collections.abc import Iterator
from typing import Any, Protocol
from uuid import UUID

from project.blueprints.files import jobs, policy, repository, thumbnails
from project.blueprints.files.errors import ChecksumMismatch
from project.blueprints.files.reception import Receipt, receive
from project.blueprints.files.service.discarding import remove
from project.blueprints.organizations import service as organizations
from project.config import current_settings
from project.errors import Error, NotFound
from project.infrastructure import outbox
from project.infrastructure.database import transaction
from project.infrastructure.observability import logger
from project.infrastructure.storage import current_storage


class Incoming(Protocol):
    """A file that is arriving, and the fields around it, known when the last chunk has been taken."""

    filename: str

    @property
    def chunks(self) -> Iterator[bytes]: ...
    def fields(self) -> dict[str, Any]: ...


def upload(*, owner_id: UUID, incoming: Incoming) -> Any:
    """A new file: row `pending` → bytes in the store → row `stored` and its job, in one transaction.

    Whatever fails leaves no visible file; what a killed process leaves is swept.
    Raises FileTooLarge, FileTypeNotAllowed, ChecksumMismatch, NotFound, StorageUnavailable.
    """
    settings = current_settings()
    filename = policy.harmless_filename(incoming.filename)
    with transaction():
        pending = repository.add_pending(owner_id)
    try:
        receipt = receive(
            current_storage(),
            f"{pending.storage_key}/original",
            incoming.chunks,
            filename=filename,
            most_bytes=settings.max_file_bytes,
            allowed_types=settings.allowed_content_types,
        )
        return _complete(pending, receipt, filename, **incoming.fields())
    except BaseException:
        _discard_quietly(pending)
        raise


def _complete(
    pending: Any, receipt: Receipt, filename: str, *, organization_id: UUID | None, sha256: str | None
) -> Any:
    if sha256 is not None and sha256.lower() != receipt.sha256:
        raise ChecksumMismatch(f"What arrived has {receipt.sha256}.")
    renderable = receipt.content_type in thumbnails.SUPPORTED
    with transaction():
        if organization_id is not None:
            organizations.ensure_member(organization_id, pending.owner_id)
        file = repository.store(
            pending.id,
            organization_id=organization_id,
            filename=filename,
            content_type=receipt.content_type,
            size=receipt.size,
            sha256=receipt.sha256,
            thumbnails="pending" if renderable else "unsupported",
        )
        if file is None:
            raise NotFound("The upload took too long and was swept away.")
        if renderable:
            outbox.enqueue(jobs.MAKE_THUMBNAILS, file_id=file.id)
    return file


def _discard_quietly(pending: Any) -> None:
    """Remove what a failed upload left; if that fails too, the sweep will."""
    try:
        remove(pending, "pending")
    except Error as error:
        logger.warning("files.upload_left_to_sweep", file_id=str(pending.id), error=repr(error))
