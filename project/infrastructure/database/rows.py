"""Helpers for queries. Results are mapped to frozen dataclasses, so that repositories never return ORM instances."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, Row, Select, delete, select

from project.infrastructure.database.models import Base, Timestamped
from project.infrastructure.database.transactions import current_connection, read

_Row = TypeVar("_Row")


def columns_of(row_type: type[Any], *models: type[Base]) -> list[ColumnElement[Any]]:
    """Return the columns that fill the fields of a dataclass, in field order.

    Each is looked up by name in `models`; the first model that has it wins. Raises KeyError if none has it.
    """
    columns = {column.key: column for model in reversed(models) for column in model.__table__.columns}
    return [columns[field.name] for field in fields(row_type)]


def map_row(row: Row[Any] | None, row_type: Callable[..., _Row]) -> _Row | None:
    """Return `row` as a `row_type`, or `None` if there is no row.

    Fields are filled by position, which is fast, so the statement must select or return `columns_of(row_type, ...)`.
    """
    return None if row is None else row_type(*row)


def fetch_one(statement: Executable, values: Mapping[str, Any], row_type: Callable[..., _Row]) -> _Row | None:
    """Execute a query in `read()` and return its only row, mapped by `map_row`, or `None`."""
    with read() as connection:
        return map_row(connection.execute(statement, values).one_or_none(), row_type)


def delete_batch(model: type[Timestamped], batch: Select[UUID]) -> int:
    """Delete the rows whose ids a query with a `LIMIT` returns, waiting for locked rows. Returns their number."""
    ids = lock_batch(batch, skip_locked=False)
    return len(current_connection().execute(delete(model).where(model.id.in_(ids)).returning(model.id)).all())


def lock_batch(batch: Select[Any], *, skip_locked: bool = True) -> Select[Any]:
    """Return a subquery for `IN` that locks the rows of a query with a `LIMIT`.

    It skips rows that are locked elsewhere, or waits for them. It is a CTE, because PostgreSQL may run a plain subquery
    more than once, locking more rows each time.
    """
    return select(*batch.with_for_update(skip_locked=skip_locked).cte("batch").columns)
