"""Pages by keyset, newest first: the cost does not grow with depth, and no row is skipped or shown twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, Select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute

from project.infrastructure.database import read

Id = InstrumentedAttribute[UUID]
Filters = Mapping[InstrumentedAttribute[Any], Any]

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True)
class PageRequest:
    """A request for at most `limit` rows older than `after`."""

    limit: int
    after: UUID | None = None


@dataclass(frozen=True)
class Page:
    """The rows of one page, and the id that the next one starts after, if there is one."""

    items: Sequence[Any]
    next_after: UUID | None


def select_page(statement: Select[Any], key: Id, page: PageRequest, within: Filters) -> Page:
    """One page of the rows of `statement` that have the values of `within`, newest first by their unique `key`.

    The columns of `within` and `key` must be those of an index, in this order.
    """
    return _execute(_page_of(statement, key, page, within), key, page)


def select_page_with(few: Select[Any], statement: Select[Any], key: Id, page: PageRequest, within: Filters) -> Page:
    """As `keyset`, with the rows of `few`, which must be other ones, and so few that all of them may be read."""
    # Materialized: the database would else look for them in the order of the page, by walking past all others.
    others = few.where(key < _after(page)).cte("few").prefix_with("MATERIALIZED").select()
    both = union_all(_page_of(statement, key, page, within).subquery().select(), others)
    return _execute(both.order_by(both.selected_columns[key.key].desc()).limit(page.limit + 1), key, page)


def _page_of(statement: Select[Any], key: Id, page: PageRequest, within: Filters) -> Select[Any]:
    # One range of the index. Given as equations beside `ORDER BY key`, the database may prefer to walk the primary
    # key past the rows of everybody else.
    columns = tuple_(*within, key)
    after, end = (*within.values(), _after(page)), (*within.values(), _FIRST)
    newest_first = [column.desc() for column in (*within, key)]
    return statement.where(columns < after, columns >= end).order_by(*newest_first).limit(page.limit + 1)


def _after(page: PageRequest) -> UUID:
    return _LAST if page.after is None else page.after


def _execute(statement: Select[Any] | CompoundSelect[Any], key: Id, page: PageRequest) -> Page:
    with read() as connection:
        rows = connection.execute(statement).all()
    shown = rows[: page.limit]
    return Page(shown, shown[-1]._mapping[key.key] if len(rows) > page.limit else None)
