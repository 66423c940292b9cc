"""What the tables have in common: their base class, time-ordered ids and times that keep their zone."""

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
    """A UUIDv7 (RFC 9562): later ids sort after earlier ones of the same process."""
    return uuid_utils.compat.uuid7()


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, also on SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base class of every table."""

    # Named by rule, so that a migration can drop what another one made.
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


class Versioned:
    """A thing whose changes are counted, for who would change it as it was read.

    Each `UPDATE` counts; one that changes nothing a client wrote sets `version` to itself.
    """

    version: Mapped[int] = mapped_column(default=1, server_default="1", onupdate=text("version + 1"))

    @classmethod
    def is_at(cls, versions: Collection[int] | None) -> ColumnElement[bool]:
        """The condition that a row has one of `versions`; no condition when they are None."""
        return true() if versions is None else cls.version.in_(versions)


class Timestamped:
    """A thing with an id that says when it was made and last changed."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
