"""Giving a file another name."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from project.blueprints.files import policy, repository
from project.blueprints.files.service.downloads import get_stored, role_of
from project.errors import version_mismatch
from project.infrastructure.database import transaction


def rename_file(file_id: UUID, user_id: UUID, *, filename: str, versions: Collection[int] | None) -> Any:
    """Rename a file that has one of `versions`. Raises NotFound, PermissionDenied, PreconditionFailed."""
    harmless = policy.safe_filename(filename)
    with transaction():
        file = get_stored(file_id, user_id)
        policy.ensure_may_change(file, user_id=user_id, role=role_of(file, user_id))
        renamed = repository.rename_file(file_id, harmless, versions)
        if renamed is None:
            raise version_mismatch(versions)
    return renamed
