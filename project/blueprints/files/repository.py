"""Queries on the `files` table."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    literal,
    or_,
    select,
    type_coerce,
    update,
)

from project.blueprints.files.models import File, FileLocation, FileRow, FileStatus, ThumbnailStatus
from project.infrastructure.clock import now
from project.infrastructure.database import columns_of, current_connection, fetch_one, lock_batch, map_row, read
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

_FILE = columns_of(FileRow, File)
_FILES = select(*_FILE)
_TABLE = cast(Table, File.__table__)
_ADD_PENDING = insert(_TABLE)
_STORED = ("organization_id", "filename", "content_type", "size", "sha256", "thumbnails")
_STORE_FILE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("file_id"), _TABLE.c.status == "pending")
    .values(status="stored", **{name: bindparam(name) for name in _STORED})
    .returning(*_FILE)
)
_FIND_FILE = _FILES.where(File.id == bindparam("file_id"), File.status.in_(["stored", "trashed"]))
_PERSONAL = _FILES.where(File.organization_id.is_(None))
_SHARED = _FILES.where(File.organization_id.is_not(None))
# The statuses are rendered as literals: with bind parameters, a generic plan could not use the partial indexes.
_SHARED_TRASH = _SHARED.where(File.status == literal("trashed", literal_execute=True))
_IS_RENDERED = and_(
    File.status == literal("stored", literal_execute=True), File.thumbnails == literal("ready", literal_execute=True)
)


def add_pending(owner_id: UUID) -> FileLocation:
    """Insert a `pending` row for an upload, and return the storage location for its content."""
    file_id = new_id()
    # The key starts with the last byte of the id, which is random: object stores and folders are partitioned by prefix.
    location = FileLocation(file_id, f"{file_id.hex[-2:]}/{file_id.hex}", thumbnail_sizes=())
    values = {"id": location.id, "owner_id": owner_id, "storage_key": location.storage_key}
    current_connection().execute(_ADD_PENDING, values)
    return location


def store_file(
    file_id: UUID,
    *,
    organization_id: UUID | None,
    filename: str,
    content_type: str,
    size: int,
    sha256: str,
    thumbnails: ThumbnailStatus,
) -> FileRow | None:
    """Set a `pending` file to `stored` and return it, or `None` if it has been purged in the meantime."""
    values = {
        "file_id": file_id,
        "organization_id": organization_id,
        "filename": filename,
        "content_type": content_type,
        "size": size,
        "sha256": sha256,
        "thumbnails": thumbnails,
    }
    return map_row(current_connection().execute(_STORE_FILE, values).one_or_none(), FileRow)


def find_file(file_id: UUID) -> FileRow | None:
    """Return the file if it is `stored` or `trashed`, or `None`."""
    return fetch_one(_FIND_FILE, {"file_id": file_id}, FileRow)


def list_personal(owner_id: UUID, page: PageRequest, *, content_type: str | None, status: FileStatus) -> Page[FileRow]:
    """Return a page of a user's personal files: those that belong to no organization."""
    within = {File.owner_id: owner_id, File.status: status}
    return select_page(_PERSONAL, File.id, page, within | _of_type(content_type), FileRow)


def list_shared(
    organization_id: UUID, page: PageRequest, *, content_type: str | None, status: FileStatus
) -> Page[FileRow]:
    """Return a page of an organization's files."""
    within = {File.organization_id: organization_id, File.status: status}
    return select_page(_SHARED, File.id, page, within | _of_type(content_type), FileRow)


def list_own_trash(
    owner_id: UUID, organization_id: UUID, page: PageRequest, *, content_type: str | None
) -> Page[FileRow]:
    """Return a page of the trashed files that a user uploaded to an organization."""
    within = {File.owner_id: owner_id, File.organization_id: organization_id}
    return select_page(_SHARED_TRASH, File.id, page, within | _of_type(content_type), FileRow)


def update_file(file_id: UUID, *, versions: Collection[int] | None, **changes: object) -> FileRow | None:
    """Set the columns in `changes` of a `stored` file and return it, or `None` if its version is not in `versions`."""
    changed = _update_stored(file_id, versions).values(**changes).returning(*_FILE)
    return map_row(current_connection().execute(changed).one_or_none(), FileRow)


def trash_file(file_id: UUID, versions: Collection[int] | None) -> bool:
    """Move a `stored` file to the trash. Returns False if its version is not in `versions`."""
    at = now()
    trashed = _update_stored(file_id, versions).values(status="trashed", trashed_at=at, updated_at=at)
    return current_connection().execute(trashed.returning(File.id)).first() is not None


def trash_personal(owner_id: UUID, limit: int) -> int:
    """Move up to `limit` stored personal files of a user to the trash. Returns their number."""
    personal = select(File.id).where(File.owner_id == owner_id, File.organization_id.is_(None), File.status == "stored")
    at = now()
    trashed = update(File).where(File.id.in_(lock_batch(personal.limit(limit), skip_locked=False)))
    values = {"status": "trashed", "trashed_at": at, "updated_at": at}
    return len(current_connection().execute(trashed.values(values).returning(File.id)).all())


def mark_thumbnails_ready(file_id: UUID, sizes: Collection[str]) -> bool:
    """Record that a file has thumbnails of `sizes`. Does not change the file's version.

    Returns False if the file has been or is being purged.
    """
    kept = update(File).where(File.id == file_id, File.status.in_(["stored", "trashed"]))
    ready = kept.values(thumbnails="ready", thumbnail_sizes=sizes, **File.unchanged())
    return current_connection().execute(ready.returning(File.id)).first() is not None


def mark_thumbnails_failed(file_id: UUID) -> None:
    """Record that a file's thumbnails could not be created. Does not change the file's version."""
    current_connection().execute(update(File).where(File.id == file_id).values(thumbnails="failed", **File.unchanged()))


def reset_incomplete_thumbnails(sizes: Collection[str], limit: int) -> list[UUID]:
    """Set the thumbnails of up to `limit` stored images that lack any of `sizes` to `pending`, and return their ids.

    Does not change the files' versions.
    """
    incomplete = select(File.id).where(_IS_RENDERED, _lacks_any(sizes)).limit(limit)
    reset = update(File).where(File.id.in_(lock_batch(incomplete))).values(thumbnails="pending", **File.unchanged())
    return list(current_connection().scalars(reset.returning(File.id)))


def list_overdue(status: FileStatus, before: datetime, limit: int) -> list[FileLocation]:
    """Return up to `limit` files with the given status that were last updated before `before`, oldest first."""
    overdue = select(*columns_of(FileLocation, File)).where(File.status == status, File.updated_at < before)
    with read() as connection:
        return [FileLocation(*row) for row in connection.execute(overdue.order_by(File.updated_at).limit(limit))]


def begin_purge(file_id: UUID, status: FileStatus) -> bool:
    """Set a file to `purging` if its status is still `status`. Returns False if the status has changed.

    Also returns True if another purge has begun or has already deleted the row, so that the caller also deletes bytes
    that arrived in the meantime.
    """
    statement = update(File).where(File.id == file_id, File.status == status).values(status="purging")
    if current_connection().execute(statement.returning(File.id)).first() is not None:
        return True
    return current_connection().scalar(select(File.status).where(File.id == file_id)) in (None, "purging")


def delete_row(file_id: UUID) -> None:
    """Delete the row of a file whose content has been deleted."""
    current_connection().execute(delete(File).where(File.id == file_id, File.status == "purging"))


def _update_stored(file_id: UUID, versions: Collection[int] | None) -> Update:
    return update(File).where(File.id == file_id, File.status == "stored", File.is_at(versions))


def _lacks_any(sizes: Collection[str]) -> ColumnElement[bool]:
    # Nearly all images have exactly these sizes. Unlike `!=`, two range conditions can use the index.
    all_sizes = literal(tuple(sizes), File.thumbnail_sizes.type)
    has_other_sizes = or_(File.thumbnail_sizes < all_sizes, File.thumbnail_sizes > all_sizes)
    names = "," + type_coerce(File.thumbnail_sizes, Text) + ","
    return and_(has_other_sizes, or_(*(names.not_like(f"%,{size},%") for size in sizes)))


def _of_type(content_type: str | None) -> dict[Any, Any]:
    return {} if content_type is None else {File.content_type: content_type}
