"""Listing, reading and renaming files."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from project.blueprints.files import policy, repository
from project.blueprints.organizations import service as organizations
from project.errors import NotFound, version_mismatch
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest


def list_files(
    user_id: UUID, page: PageRequest, *, organization_id: UUID | None, content_type: str | None, status: str
) -> Page:
    """The files of an organization, or the personal ones of the user. Raises NotFound to strangers."""
    if organization_id is None:
        return repository.list_personal(user_id, page, content_type=content_type, status=status)
    role = organizations.ensure_member(organization_id, user_id)
    if status == "trashed" and not policy.may_change_all(role):
        return repository.list_own_trash(user_id, organization_id, page, content_type=content_type)
    return repository.list_shared(organization_id, page, content_type=content_type, status=status)


def get_file(file_id: UUID, user_id: UUID) -> Any:
    """A file that the user may see; one in the trash, only who may take it out. Raises NotFound."""
    file = repository.find_file(file_id)
    if file is None:
        raise NotFound
    role = role_of(file, user_id)
    if file.status == "trashed" and not policy.may_change(file, user_id=user_id, role=role):
        raise NotFound
    return file


def rename_file(file_id: UUID, user_id: UUID, *, filename: str, versions: Collection[int] | None) -> Any:
    """Rename a file that has one of `versions`. Raises NotFound, PermissionDenied, PreconditionFailed."""
    safe = policy.safe_filename(filename)
    with transaction():
        file = get_stored(file_id, user_id)
        policy.ensure_may_change(file, user_id=user_id, role=role_of(file, user_id))
        renamed = repository.rename_file(file_id, safe, versions)
        if renamed is None:
            raise version_mismatch(versions)
    return renamed


def get_stored(file_id: UUID, user_id: UUID) -> Any:
    """A file that the user may see and that is not in the trash. Raises NotFound."""
    file = get_file(file_id, user_id)
    if file.status != "stored":
        raise NotFound
    return file


def role_of(file: Any, user_id: UUID) -> str | None:
    """The user's role in the file's organization, None in a personal file of the user. Raises NotFound to strangers."""
    if file.organization_id is not None:
        return organizations.ensure_member(file.organization_id, user_id)
    if file.owner_id != user_id:
        raise NotFound
    return None
