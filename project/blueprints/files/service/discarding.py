"""The trash, and removing bytes that nothing visible needs any more."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from project.blueprints.files import policy, repository, thumbnails
from project.blueprints.files.service.reading import get_stored, role_of
from project.config import current_settings
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.storage import current_storage

_BATCH = 100


def discard(file_id: UUID, user_id: UUID) -> None:
    """Put a file into the trash. Raises NotFound, PermissionDenied."""
    with transaction():
        file = get_stored(file_id, user_id)
        policy.ensure_may_discard(file, user_id=user_id, role=role_of(file, user_id))
        repository.trash(file_id)


def sweep_uploads() -> None:
    """Remove uploads that began too long ago to be still on their way."""
    _purge("pending", current_settings().upload_seconds)


def purge_trash() -> None:
    """Remove for good what has been in the trash for as long as it may be."""
    _purge("trashed", current_settings().trash_seconds)


def _purge(status: str, seconds: int) -> None:
    for file in repository.list_lapsed(status, now() - timedelta(seconds=seconds), _BATCH):
        _remove(file, status)


def _remove(file: Any, status: str) -> None:
    # The bytes go first: a crash in between leaves a row to find them by, never bytes that nothing names.
    for name in ("original", *thumbnails.SIZES):
        current_storage().delete(f"{file.storage_key}/{name}")
    with transaction():
        repository.remove(file.id, status)
