"""Base class and mixins for the tables, time-ordered ids, and a UTC datetime type."""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import uuid_utils.compat
from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from project.infrastructure.clock import now


def new_id() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562). Ids created by the same process sort in creation order."""
    return uuid_utils.compat.uuid7()


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware datetime in UTC, even on SQLite, which does not store time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return no processor for PostgreSQL, which returns times in UTC. Calling one takes time for each value."""
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)


class Base(DeclarativeBase):
    """Base class of all tables."""

    # The naming convention makes names predictable, so that a later migration can drop a constraint or index.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        uuid.UUID: Uuid(),
        datetime: UtcDateTime(),
        str: Text(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
    }


class Timestamped:
    """Adds a time-ordered `id`, `created_at` and `updated_at`."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Versioned(Timestamped):
    """Adds a `version` column for optimistic locking.

    Each `UPDATE` increments it. An `UPDATE` that changes no member of the resource must set the values `unchanged()`.
    """

    version: Mapped[int] = mapped_column(default=1, server_default="1", onupdate=text("version + 1"))

    @classmethod
    def is_at(cls, versions: Collection[int] | None) -> ColumnElement[bool]:
        """Return the condition that the row has one of `versions`; always true if `versions` is None."""
        return true() if versions is None else cls.version.in_(versions)

    @classmethod
    def unchanged(cls) -> dict[str, Any]:
        """Return the values with which an `UPDATE` keeps `version` and `updated_at`."""
        return {"version": cls.version, "updated_at": cls.updated_at}
