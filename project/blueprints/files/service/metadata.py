"""Listing, reading and updating files."""

from collections.abc import Collection
from uuid import UUID

from project.blueprints.files import policy, repository
from project.blueprints.files.models import FileRow, FileStatus
from project.blueprints.organizations import service as organizations
from project.errors import NotFound, version_mismatch
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest


def list_files(
    user_id: UUID,
    page: PageRequest,
    *,
    organization_id: UUID | None,
    content_type: str | None,
    status: FileStatus,
) -> Page[FileRow]:
    """Return a page of an organization's files, or of the user's personal files if no organization is given.

    In an organization's trash, members see only their own files; admins and owners see all files.
    Raises NotFound if the user is not a member.
    """
    if organization_id is None:
        return repository.list_personal(user_id, page, content_type=content_type, status=status)
    role = organizations.ensure_member(organization_id, user_id)
    if status == "trashed" and not policy.may_change_all(role):
        return repository.list_own_trash(user_id, organization_id, page, content_type=content_type)
    return repository.list_shared(organization_id, page, content_type=content_type, status=status)


def get_file(file_id: UUID, user_id: UUID) -> FileRow:
    """Return a file that the user may see. A trashed file is visible only to users who may change it.

    Raises NotFound.
    """
    file = repository.find_file(file_id)
    if file is None:
        raise NotFound
    role = role_of(file, user_id)
    if file.status == "trashed" and not policy.may_change(file, user_id=user_id, role=role):
        raise NotFound
    return file


def update_file(file_id: UUID, user_id: UUID, *, versions: Collection[int] | None, **changes: object) -> FileRow:
    """Set the columns in `changes`, such as `filename`, of a stored file and return it.

    Raises NotFound, PermissionDenied, and PreconditionFailed if the version of the file is not in `versions`.
    """
    if "filename" in changes:
        changes["filename"] = policy.safe_filename(str(changes["filename"]))
    with transaction():
        file = get_stored(file_id, user_id)
        policy.ensure_may_change(file, user_id=user_id, role=role_of(file, user_id))
        updated = repository.update_file(file_id, versions=versions, **changes)
        if updated is None:
            get_stored(file_id, user_id)  # raises NotFound if the file is in the trash by now
            raise version_mismatch(versions)
    return updated


def get_stored(file_id: UUID, user_id: UUID) -> FileRow:
    """Return a file that the user may see and that is not in the trash. Raises NotFound."""
    file = get_file(file_id, user_id)
    if file.status != "stored":
        raise NotFound
    return file


def role_of(file: FileRow, user_id: UUID) -> organizations.Role | None:
    """Return the user's role in the file's organization, or `None` if it is the user's own personal file.

    Raises NotFound if the user may not see the file.
    """
    if file.organization_id is not None:
        return organizations.ensure_member(file.organization_id, user_id)
    if file.owner_id != user_id:
        raise NotFound
    return None
