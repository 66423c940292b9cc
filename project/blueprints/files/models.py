"""The `files` table and the row types that queries return. File contents are in storage, under `storage_key`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import BigInteger, Dialect, ForeignKey, Index, Text, TypeDecorator, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from project.infrastructure.database.models import Base, Versioned

FileStatus = Literal["pending", "stored", "trashed", "purging"]
ThumbnailStatus = Literal["pending", "ready", "failed", "unsupported"]

_PERSONAL = "organization_id IS NULL"
_SHARED = "organization_id IS NOT NULL"
_SHARED_TRASH = f"{_SHARED} AND status = 'trashed'"
_RENDERED = text("status = 'stored' AND thumbnails = 'ready'")


def _listed(name: str, *columns: str, where: str) -> Index:
    """Return a partial index for one listing. Writes to rows outside the listing do not update the index."""
    return Index(f"ix_files_{name}", *columns, "id", sqlite_where=text(where), postgresql_where=text(where))


class SizeNames(TypeDecorator[tuple[str, ...]]):
    """The names of thumbnail sizes, stored as text in alphabetical order, separated by commas."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> str | None:
        return None if value is None else ",".join(sorted(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:
        return tuple(value.split(",")) if value else ()


class File(Versioned, Base):
    """A file. Its status is `pending` during the upload, then `stored`, `trashed`, and `purging` during deletion."""

    __tablename__ = "files"
    __table_args__ = (
        _listed("personal", "owner_id", "status", where=_PERSONAL),
        _listed("personal_by_type", "owner_id", "status", "content_type", where=_PERSONAL),
        _listed("shared", "organization_id", "status", where=_SHARED),
        _listed("shared_by_type", "organization_id", "status", "content_type", where=_SHARED),
        _listed("own_trash", "owner_id", "organization_id", where=_SHARED_TRASH),
        _listed("own_trash_by_type", "owner_id", "organization_id", "content_type", where=_SHARED_TRASH),
        Index(None, "status", "updated_at"),
        Index("ix_files_thumbnail_sizes", "thumbnail_sizes", sqlite_where=_RENDERED, postgresql_where=_RENDERED),
    )

    owner_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    organization_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("organizations.id", ondelete="CASCADE"))
    storage_key: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default="pending")
    filename: Mapped[str] = mapped_column(default="")
    content_type: Mapped[str] = mapped_column(default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(default="")
    thumbnails: Mapped[str] = mapped_column(default="unsupported")
    thumbnail_sizes: Mapped[tuple[str, ...]] = mapped_column(SizeNames, default=(), server_default=text("''"))
    trashed_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class FileLocation:
    """The storage location of a file in any status, and of its thumbnails."""

    id: UUID
    storage_key: str
    thumbnail_sizes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRow(FileLocation):
    """A file as read from the database."""

    owner_id: UUID
    organization_id: UUID | None
    status: FileStatus
    filename: str
    content_type: str
    size: int
    sha256: str
    thumbnails: ThumbnailStatus
    created_at: datetime
    updated_at: datetime
    trashed_at: datetime | None
    version: int
