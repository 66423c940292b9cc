"""Keyset pagination, newest first: the cost does not grow with depth, and no row is skipped or returned twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import CompoundSelect, Integer, Select, Uuid, bindparam, literal, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute

from project.infrastructure.database import read

Id = InstrumentedAttribute[UUID]
Filters = Mapping[InstrumentedAttribute[Any], Any]

_MIN_ID, _MAX_ID = UUID(int=0), UUID(int=2**128 - 1)
_AFTER = bindparam("page_after", type_=Uuid())
_LIMIT = bindparam("page_limit", type_=Integer())


class _HasId(Protocol):
    @property
    def id(self) -> UUID: ...


_Item = TypeVar("_Item", covariant=True)
_Mapped = TypeVar("_Mapped")
_Row = TypeVar("_Row", bound=_HasId)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for at most `limit` rows older than `after`."""

    limit: int
    after: UUID | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """The items of one page, and the id after which the next page starts, or `None` on the last page."""

    items: Sequence[_Item]
    next_after: UUID | None

    def map(self, function: Callable[[_Item], _Mapped]) -> "Page[_Mapped]":
        """Return the page with `function` applied to each item."""
        return Page([function(item) for item in self.items], self.next_after)


def select_page(
    statement: Select[Any], key: Id, page: PageRequest, within: Filters, row_type: Callable[..., _Row]
) -> Page[_Row]:
    """Return one page of the rows of `statement` that match `within`, ordered by the unique `key`, newest first.

    There must be an index on the columns of `within`, followed by `key`. `statement` must select
    `columns_of(row_type, ...)`, and the `id` of each row must be its value of `key`.
    """
    values = _values(page, within)
    return _execute(_page_of(statement, key, tuple(within)), values, page, row_type)


def select_page_with(
    extra: Select[Any],
    statement: Select[Any],
    key: Id,
    page: PageRequest,
    within: Filters,
    row_type: Callable[..., _Row],
) -> Page[_Row]:
    """Return a page as `select_page` does, with the rows of `extra` merged in.

    `extra` must not overlap with `statement`, and must have few rows, since all of them may be read for each page.
    """
    # Materialized, because the database would otherwise look for these rows in page order, scanning all other rows.
    others = extra.where(key < _AFTER).cte("extra").prefix_with("MATERIALIZED").select()
    both = union_all(_page_of(statement, key, tuple(within)).subquery().select(), others)
    newest_first = both.order_by(both.selected_columns[key.key].desc()).limit(_LIMIT)
    return _execute(newest_first, _values(page, within), page, row_type)


# Cached, because to build a statement costs more than to execute it.
@lru_cache(maxsize=256)
def _page_of(statement: Select[Any], key: Id, within: tuple[InstrumentedAttribute[Any], ...]) -> Select[Any]:
    # Select a single range of the index. With equality conditions and `ORDER BY key`, the database might scan the
    # primary key instead and read all rows that do not match.
    columns = tuple_(*within, key)
    values = [bindparam(_name(column), type_=column.type) for column in within]
    newest_first = [column.desc() for column in (*within, key)]
    is_in_range = (columns < tuple_(*values, _AFTER), columns >= tuple_(*values, literal(_MIN_ID)))
    return statement.where(*is_in_range).order_by(*newest_first).limit(_LIMIT)


def _values(page: PageRequest, within: Filters) -> dict[str, Any]:
    after = _MAX_ID if page.after is None else page.after
    return {"page_after": after, "page_limit": page.limit + 1} | {_name(key): value for key, value in within.items()}


def _name(column: InstrumentedAttribute[Any]) -> str:
    return f"page_{column.key}"


def _execute(
    statement: Select[Any] | CompoundSelect[Any],
    values: dict[str, Any],
    page: PageRequest,
    row_type: Callable[..., _Row],
) -> Page[_Row]:
    with read() as connection:
        rows = connection.execute(statement, values).all()
    items = [row_type(*row) for row in rows[: page.limit]]
    return Page(items, items[-1].id if len(rows) > page.limit else None)
