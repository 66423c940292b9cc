"""Moving files to the trash, and purging files whose retention period has ended."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from project.blueprints.files import policy, repository, thumbnails
from project.blueprints.files.models import FileLocation, FileStatus
from project.blueprints.files.service.metadata import get_stored, role_of
from project.config import current_settings
from project.errors import version_mismatch
from project.infrastructure.clock import now
from project.infrastructure.database import in_batches, transaction
from project.infrastructure.storage import current_storage

_BATCH_SIZE = 100
_STUCK_PURGE_SECONDS = 600


def trash_file(file_id: UUID, user_id: UUID, *, versions: Collection[int] | None) -> None:
    """Move a stored file to the trash.

    Raises NotFound, PermissionDenied, and PreconditionFailed if the version of the file is not in `versions`.
    """
    with transaction():
        file = get_stored(file_id, user_id)
        policy.ensure_may_change(file, user_id=user_id, role=role_of(file, user_id))
        if not repository.trash_file(file_id, versions):
            get_stored(file_id, user_id)  # raises NotFound if the file is in the trash by now
            raise version_mismatch(versions)


def trash_personal_files(owner_id: UUID) -> None:
    """Move all personal files of a user to the trash, in batches."""
    in_batches(lambda limit: repository.trash_personal(owner_id, limit), _BATCH_SIZE)


def purge_files() -> None:
    """Purge abandoned uploads, trashed files past their retention period, and files whose purge was interrupted."""
    settings = current_settings()
    _purge_overdue("pending", settings.upload_timeout_seconds)
    _purge_overdue("trashed", settings.trash_retention_seconds)
    _purge_overdue("purging", _STUCK_PURGE_SECONDS)


def purge_file(file: FileLocation, status: FileStatus) -> None:
    """Delete a file permanently if its status is still `status`.

    Sets the row to `purging` first, so that an upload that completes concurrently keeps its content. Then deletes the
    content, and finally the row: a crash can leave a row without content, but never content without a row.
    """
    with transaction():
        if not repository.begin_purge(file.id, status):
            return
    for name in sorted({"original", *thumbnails.SIZES, *file.thumbnail_sizes}):
        current_storage().delete(f"{file.storage_key}/{name}")
    with transaction():
        repository.delete_row(file.id)


def _purge_overdue(status: FileStatus, seconds: int) -> None:
    for file in repository.list_overdue(status, now() - timedelta(seconds=seconds), _BATCH_SIZE):
        purge_file(file, status)
