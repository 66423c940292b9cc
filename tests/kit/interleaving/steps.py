"""What a step touches, derived from its SQL, to tell which steps can be exchanged without any effect."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, Index, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from project.infrastructure.database.models import Base

_MENTIONED = re.compile(r"(?<![.\w:])(\w+)(?![.\w])")
_INSERTED = re.compile(r"\bINSERT INTO (\w+)", re.IGNORECASE)
_UPDATED = re.compile(r"\bUPDATE (?:ONLY )?(\w+)(?: AS \w+)? SET (.*?)(?= RETURNING |$)", re.IGNORECASE)
_DELETED = re.compile(r"\bDELETE FROM (?:ONLY )?(\w+)", re.IGNORECASE)
_KNOWN = re.compile(r"(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_LOCKING = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b|\bFOR (?:KEY )?SHARE\b", re.IGNORECASE)
_LOCKING_KEYS = re.compile(r"\bFOR UPDATE\b", re.IGNORECASE)
_ADVISORY = re.compile(r"\bpg_(?:try_)?advisory\w*", re.IGNORECASE)
_UPSERT = re.compile(r"\bON CONFLICT \((\w+)\) DO UPDATE\b", re.IGNORECASE)
_PARAMETER = re.compile(r"%\((\w+)\)s")
_GROUP = re.compile(r"\([^()]*\)")
_CONDITION = re.compile(r" WHERE (.*?)(?= ORDER BY | GROUP BY | HAVING | LIMIT | FOR | RETURNING |$)", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """The row of a table with this primary key, or any rows of the table if `key` is None.

    `table` may also name something else that statements can lock: an object, a unique value, or `children of` a table.
    """

    table: str
    key: Any = None

    def may_include(self, other: "Rows") -> bool:
        """Whether both may have a row in common."""
        return self.table == other.table and (self.key is None or other.key is None or self.key == other.key)


@dataclass(frozen=True)
class Step:
    """A statement, or the end of a transaction.

    `reads` are the rows that it reads, `locks` those that it writes or locks, and `shares` those that it locks together
    with others. `publishes` are those whose changes become visible, and whose locks are released.
    """

    text: str
    reads: frozenset[Rows] = frozenset()
    locks: frozenset[Rows] = frozenset()
    shares: frozenset[Rows] = frozenset()
    publishes: frozenset[Rows] = frozenset()

    def is_independent_of(self, other: "Step") -> bool:
        """Whether the order of two adjacent steps has no effect."""
        return not (self._affects(other) or other._affects(self))

    def _affects(self, other: "Step") -> bool:
        return overlap(self.locks, other.locks | other.shares | other.publishes) or overlap(
            self.publishes, other.reads | other.shares
        )

    def joined_by(self, others: Collection["Step"]) -> "Step":
        """Return this step with the effects of others that happen with it, because it ends what they wait for."""
        steps = (self, *others)
        return Step(
            self.text,
            frozenset().union(*(each.reads for each in steps)),
            frozenset().union(*(each.locks for each in steps)),
            frozenset().union(*(each.shares for each in steps)),
            frozenset().union(*(each.publishes for each in steps)),
        )


def overlap(some: frozenset[Rows], others: frozenset[Rows]) -> bool:
    """Whether both sets may have a row in common."""
    return any(ours.may_include(theirs) for ours in some for theirs in others)


def statement(sql: str, parameters: Mapping[str, Any], *, in_transaction: bool) -> Step:
    """Return the step that executes `sql`. Outside a transaction, it publishes what it writes."""
    text = " ".join(sql.split())
    if not _KNOWN.match(text):  # another kind of statement, such as `LOCK TABLE` or `SAVEPOINT`
        return Step(text, locks=_everything(), publishes=_everything())
    sql = _PARAMETER.sub(r":\1", text).replace('"', "")
    # psycopg wraps some values in objects that cannot be compared.
    values = {name: getattr(value, "obj", value) for name, value in parameters.items()}
    effects = _Effects(sql, values)
    locks, shares = frozenset(effects.locks), frozenset(effects.shares)
    return Step(text, frozenset(effects.reads), locks, shares, frozenset() if in_transaction else locks | shares)


class _Effects:
    """What a statement reads, locks and shares. If in doubt, a whole table."""

    def __init__(self, sql: str, values: Mapping[str, Any]) -> None:
        self._values = values
        self._upsert = _UPSERT.search(sql)
        self._condition = _outer_condition(sql)
        inserted, updated, deleted = _INSERTED.findall(sql), _UPDATED.findall(sql), _DELETED.findall(sql)
        self._mentioned = Counter(name for name in _MENTIONED.findall(sql) if name in _tables())
        written = Counter([*inserted, *(name for name, _changes in updated), *deleted])
        self.reads = {self._touched(name) for name in self._mentioned - written}
        self.locks = set(self.reads) if _LOCKING.search(sql) else set()
        self.shares: set[Rows] = set()
        if _LOCKING_KEYS.search(sql):
            self.locks |= {Rows(_children(rows.table), rows.key) for rows in self.reads}
        if _ADVISORY.search(sql):
            self.locks.add(Rows("advisory locks", values.get("lock")))
        for name in inserted:
            self._insert(name, is_only=len(inserted) == 1)
        for name, changes in updated:
            self._update(name, {*_MENTIONED.findall(changes)})
        for name in deleted:
            self._delete(name)

    def _insert(self, name: str, *, is_only: bool) -> None:
        is_own_key = not self._upsert or self._upsert[1] == _key(name)
        is_known = is_only and is_own_key and self._values.get(_key(name)) is not None
        key = str(self._values[_key(name)]) if is_known else None
        self.locks |= {Rows(name, key), Rows(_children(name), key)}
        for unique in _unique(name):
            if not unique.columns or not all(column in self._values for column in unique.columns):
                self.locks.add(Rows(unique.name))
            elif None not in (found := [self._values[column] for column in unique.columns]):
                self.locks.add(Rows(unique.name, str(found)))
        for foreign_key in _tables()[name].foreign_keys:
            # Deleting the parent at the same time is not possible.
            parent, column = foreign_key.column.table.name, foreign_key.parent.name
            value = self._values.get(column, ...)
            if value is not None:
                is_key = value is not ... and foreign_key.column.name == _key(parent)
                self.shares.add(Rows(_children(parent), str(value) if is_key else None))

    def _update(self, name: str, changed: set[str]) -> None:
        self.locks.add(Rows(name) if _key(name) in changed else self._touched(name))
        self.locks |= {Rows(unique.name) for unique in _unique(name) if not unique.relevant.isdisjoint(changed)}
        for foreign_key in _tables()[name].foreign_keys:
            if foreign_key.parent.name in changed:
                self.shares.add(Rows(_children(foreign_key.column.table.name)))

    def _delete(self, name: str) -> None:
        rows = self._touched(name)
        self.locks |= {rows, Rows(_children(name), rows.key), *(Rows(unique.name) for unique in _unique(name))}
        for child in _cascaded(name):
            self.locks |= {Rows(child), Rows(_children(child)), *(Rows(unique.name) for unique in _unique(child))}

    def _touched(self, name: str) -> Rows:
        """Return the only row of a table that the statement can touch, or the whole table if there may be several."""
        same_key = re.search(rf"\b{name}\.{_key(name)} = :(\w+)(?=::| |$)", self._condition)
        if same_key is None or " OR " in self._condition or self._mentioned[name] > 1:
            return Rows(name)
        return Rows(name, str(self._values[same_key[1]]))


def _outer_condition(sql: str) -> str:
    """Return the condition of a statement, without anything in parentheses."""
    while (outer := _GROUP.sub("", sql)) != sql:
        sql = outer
    condition = _CONDITION.search(sql)
    return condition[1] if condition else ""


@dataclass(frozen=True)
class _Unique:
    """A unique constraint or index.

    `columns` are its columns, if equal values in them are all that it forbids. `relevant` are all columns on which it
    may depend.
    """

    name: str
    columns: tuple[str, ...]
    relevant: frozenset[str]


@cache
def _unique(name: str) -> list[_Unique]:
    table = _tables()[name]
    constraints = [each for each in table.constraints if isinstance(each, (UniqueConstraint, ExcludeConstraint))]
    return [_describe(table, each) for each in (*constraints, *(index for index in table.indexes if index.unique))]


def _describe(table: Table, unique: Any) -> _Unique:
    options = unique.dialect_options["postgresql"]
    columns = tuple(column.name for column in unique.columns)
    is_plain = isinstance(unique, UniqueConstraint) or (
        isinstance(unique, Index) and all(isinstance(each, Column) for each in unique.expressions)
    )
    is_plain = is_plain and not options.get("nulls_not_distinct")
    conditional = {each for each in _MENTIONED.findall(str(options.get("where", ""))) if each in table.columns}
    relevant = frozenset({*columns, *conditional}) if is_plain else frozenset(table.columns.keys())
    return _Unique(f"{table.name} by {unique.name}", columns if is_plain else (), relevant)


def _cascaded(name: str, known: frozenset[str] = frozenset()) -> set[str]:
    """Return the tables whose rows the deletion of a row can delete or change."""
    children = {
        table.name
        for table in _tables().values()
        if any(key.ondelete and key.column.table.name == name for key in table.foreign_keys)
    }
    new = children - known
    return new.union(*(_cascaded(child, known | new) for child in new))


def _everything() -> frozenset[Rows]:
    return frozenset(Rows(each) for name in _tables() for each in (name, _children(name)))


def _children(name: str) -> str:
    return f"children of {name}"


def _key(name: str) -> str:
    """Return the first column of the primary key."""
    return str(_tables()[name].primary_key.columns.keys()[0])


def _tables() -> Mapping[str, Table]:
    return Base.metadata.tables
