"""The trash, and removing bytes that nothing visible needs any more."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from project.blueprints.files import policy, repository, thumbnails
from project.blueprints.files.service.downloads import get_stored, role_of
from project.config import current_settings
from project.errors import missed
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.storage import current_storage

_BATCH = 100
_HALF_DONE_SECONDS = 600


def discard(file_id: UUID, user_id: UUID, *, versions: Collection[int] | None) -> None:
    """Put a file that has one of `versions` into the trash. Raises NotFound, PermissionDenied, PreconditionFailed."""
    with transaction():
        file = get_stored(file_id, user_id)
        policy.ensure_may_change(file, user_id=user_id, role=role_of(file, user_id))
        if not repository.trash(file_id, versions):
            raise missed(versions)


def sweep() -> None:
    """Remove uploads that never ended, what lay in the trash long enough, and what a removal left half-done."""
    settings = current_settings()
    _remove_lapsed("pending", settings.upload_seconds)
    _remove_lapsed("trashed", settings.trash_seconds)
    _remove_lapsed("removing", _HALF_DONE_SECONDS)


def remove(file: Any, status: str) -> None:
    """Remove a file for good, if it is (still) `status`.

    The row turns first, so that an upload that ends meanwhile keeps its bytes; then the bytes go, and
    the row last: a crash in between leaves a row to find them by, never bytes that nothing names.
    """
    with transaction():
        if not repository.begin_removal(file.id, status):
            return
    for name in ("original", *thumbnails.SIZES):
        current_storage().delete(f"{file.storage_key}/{name}")
    with transaction():
        repository.remove(file.id)


def _remove_lapsed(status: str, seconds: int) -> None:
    for file in repository.list_lapsed(status, now() - timedelta(seconds=seconds), _BATCH):
        remove(file, status)
