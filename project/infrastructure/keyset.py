"""Pages by keyset, newest first: the cost does not grow with depth, and no row is skipped or shown twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select
from sqlalchemy.orm import InstrumentedAttribute

from project.infrastructure.database import read


@dataclass(frozen=True)
class Page:
    """A request for at most `limit` rows older than `after`."""

    limit: int
    after: UUID | None = None


@dataclass(frozen=True)
class Slice:
    """The rows of one page, and the id that the next one starts after, if there is one."""

    items: Sequence[Any]
    next_after: UUID | None


def keyset(statement: Select[Any], key: InstrumentedAttribute[UUID], page: Page, **values: Any) -> Slice:
    """One page of the rows of `statement`, ordered by its unique, time-ordered `key`."""
    if page.after is not None:
        statement = statement.where(key < page.after)
    with read() as connection:
        rows = connection.execute(statement.order_by(key.desc()).limit(page.limit + 1), values).all()
    shown = rows[: page.limit]
    return Slice(shown, _key_of(shown[-1], key) if len(rows) > page.limit else None)


def _key_of(row: Row[Any], key: InstrumentedAttribute[UUID]) -> UUID:
    # A row of a table knows its columns, not the attributes mapped to them.
    value: UUID = row._mapping[key.expression]
    return value
