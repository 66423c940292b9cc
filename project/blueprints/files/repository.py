"""Named queries on files."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, literal, select, update

from project.blueprints.files.models import File
from project.infrastructure.clock import now
from project.infrastructure.database import current_session, read
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

_FILES = select(File.__table__)
_ONE = _FILES.where(File.id == bindparam("file_id"), File.status.in_(["stored", "trashed"]))
_PERSONAL = _FILES.where(File.organization_id.is_(None))
_SHARED = _FILES.where(File.organization_id.is_not(None))
# In the statement itself: a plan made for any value could not use an index of the trash alone.
_SHARED_TRASH = _SHARED.where(File.status == literal("trashed", literal_execute=True))


def add_pending(owner_id: UUID) -> File:
    """The row that says whose bytes are arriving under which key."""
    file_id = new_id()
    # The random end comes first: stores and folders spread objects by the beginning of their key.
    file = File(id=file_id, owner_id=owner_id, storage_key=f"{file_id.hex[-2:]}/{file_id.hex}")
    current_session().add(file)
    current_session().flush()
    # Who removes what a failed upload left reads it after the rollback, which empties what belongs to the session.
    current_session().expunge(file)
    return file


def store_file(file_id: UUID, **values: Any) -> File | None:
    """Make a pending file visible; None when it was swept away meanwhile."""
    stored = (
        update(File)
        .where(File.id == file_id, File.status == "pending")
        .values(status="stored", **values)
        .returning(File)
        .execution_options(populate_existing=True)
    )
    return current_session().scalars(stored).one_or_none()


def find_file(file_id: UUID) -> Row[Any] | None:
    """A file whose bytes have arrived, in the trash or not."""
    with read() as connection:
        return connection.execute(_ONE, {"file_id": file_id}).one_or_none()


def list_personal(owner_id: UUID, page: PageRequest, *, content_type: str | None, status: str) -> Page:
    """The files that belong to nobody else."""
    within = {File.owner_id: owner_id, File.status: status}
    return select_page(_PERSONAL, File.id, page, within | _of_type(content_type))


def list_shared(organization_id: UUID, page: PageRequest, *, content_type: str | None, status: str) -> Page:
    """The files of an organization."""
    within = {File.organization_id: organization_id, File.status: status}
    return select_page(_SHARED, File.id, page, within | _of_type(content_type))


def list_own_trash(owner_id: UUID, organization_id: UUID, page: PageRequest, *, content_type: str | None) -> Page:
    """What one user has in the trash of an organization."""
    within = {File.owner_id: owner_id, File.organization_id: organization_id}
    return select_page(_SHARED_TRASH, File.id, page, within | _of_type(content_type))


def rename_file(file_id: UUID, filename: str, versions: Collection[int] | None) -> File | None:
    """The stored file under its new name; None when it has none of `versions`."""
    renamed = _changed(file_id, versions).values(filename=filename).returning(File)
    return current_session().scalars(renamed.execution_options(populate_existing=True)).one_or_none()


def trash_file(file_id: UUID, versions: Collection[int] | None) -> bool:
    """Put a stored file into the trash; False when it has none of `versions`."""
    at = now()
    trashed = _changed(file_id, versions).values(status="trashed", trashed_at=at, updated_at=at)
    return current_session().execute(trashed.returning(File.id)).first() is not None


def set_thumbnails(file_id: UUID, status: str) -> None:
    """How far the thumbnails have come."""
    current_session().execute(update(File).where(File.id == file_id).values(thumbnails=status, version=File.version))


def list_overdue(status: str, before: datetime, limit: int) -> list[Row[Any]]:
    """`id storage_key` of files that have been `status` since `before`."""
    lapsed = select(File.id, File.storage_key).where(File.status == status, File.updated_at < before)
    with read() as connection:
        return list(connection.execute(lapsed.order_by(File.updated_at).limit(limit)))


def begin_purge(file_id: UUID, status: str) -> bool:
    """Make a file that is (still) `status` invisible for good; False when it has become something else.

    True also for one whose row is gone: a sweep was sooner, and bytes that arrived since have no name.
    """
    statement = update(File).where(File.id == file_id, File.status == status).values(status="purging")
    if current_session().execute(statement.returning(File.id)).first() is not None:
        return True
    return current_session().scalar(select(File.status).where(File.id == file_id)) in (None, "purging")


def delete_row(file_id: UUID) -> None:
    """Forget a file whose bytes are gone."""
    current_session().execute(delete(File).where(File.id == file_id, File.status == "purging"))


def _changed(file_id: UUID, versions: Collection[int] | None) -> Any:
    return update(File).where(File.id == file_id, File.status == "stored", File.is_at(versions))


def _of_type(content_type: str | None) -> dict[Any, Any]:
    return {} if content_type is None else {File.content_type: content_type}
