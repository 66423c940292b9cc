"""What a step touches, derived from its SQL, to tell which steps can be exchanged without any effect."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import UniqueConstraint

from project.infrastructure.database.models import Base

_NAME = r'"?(\w+)"?'
_READ = re.compile(rf"\b(?:FROM|JOIN) {_NAME}(?! ?\()", re.IGNORECASE)
_INSERTED = re.compile(rf"\bINSERT INTO {_NAME}", re.IGNORECASE)
_UPDATED = re.compile(rf"\bUPDATE {_NAME} SET (.*?)(?= WHERE |$)", re.IGNORECASE)
_DELETED = re.compile(rf"\bDELETE FROM {_NAME}", re.IGNORECASE)
_LOCKING = re.compile(r"\bFOR (?:NO KEY )?UPDATE|\bFOR (?:KEY )?SHARE", re.IGNORECASE)
_ADVISORY = re.compile(r"\bpg_(?:try_)?advisory\w*", re.IGNORECASE)
_PARAMETER = re.compile(r"%\((\w+)\)s")
_GROUP = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Rows:
    """The row of a table with this primary key, or any rows of the table if `key` is None."""

    table: str
    key: Any = None

    def may_include(self, other: "Rows") -> bool:
        """Whether both may have a row in common."""
        return self.table == other.table and (self.key is None or other.key is None or self.key == other.key)


@dataclass(frozen=True)
class Step:
    """A statement, or the end of a transaction.

    `reads` are the rows that it reads, `locks` those that it writes or locks, and `publishes` those whose changes
    become visible, and whose locks are released.
    """

    text: str
    reads: frozenset[Rows] = frozenset()
    locks: frozenset[Rows] = frozenset()
    publishes: frozenset[Rows] = frozenset()

    def is_independent_of(self, other: "Step") -> bool:
        """Whether the order of two adjacent steps has no effect."""
        return not (
            overlap(self.locks, other.locks | other.publishes)
            or overlap(self.publishes, other.reads | other.locks | other.publishes)
            or overlap(other.publishes, self.reads)
        )

    def joined_by(self, others: Collection["Step"]) -> "Step":
        """Return this step with the effects of others that happen with it, because it ends what they wait for."""
        steps = (self, *others)
        return Step(
            self.text,
            frozenset().union(*(each.reads for each in steps)),
            frozenset().union(*(each.locks for each in steps)),
            frozenset().union(*(each.publishes for each in steps)),
        )


def overlap(some: frozenset[Rows], others: frozenset[Rows]) -> bool:
    """Whether both sets may have a row in common."""
    return any(ours.may_include(theirs) for ours in some for theirs in others)


def statement(sql: str, parameters: Mapping[str, Any], *, in_transaction: bool) -> Step:
    """Return the step that executes `sql`. Outside a transaction, it publishes what it writes."""
    text = " ".join(sql.split())
    # psycopg wraps some values in objects that cannot be compared.
    parameters = {name: getattr(value, "obj", value) for name, value in parameters.items()}
    sql = _PARAMETER.sub(r":\1", text)
    deleted = _DELETED.findall(sql)
    reads = {_touched(name, sql, parameters) for name in Counter(_READ.findall(sql)) - Counter(deleted)}
    locks = set(reads) if _LOCKING.search(sql) else set()
    for name in deleted:
        rows = _touched(name, sql, parameters)
        locks |= {rows, Rows(_children(name), rows.key), *(Rows(unique.name) for unique in _unique(name))}
    for name, changes in _UPDATED.findall(sql):
        locks.add(_touched(name, sql, parameters))
        locks |= {Rows(unique.name) for unique in _unique(name) if unique.is_affected_by(changes)}
    for name in _INSERTED.findall(sql):
        locks |= {Rows(name, parameters.get(_key(name))), *_unique_values(name, parameters)}
        reads |= set(_parents(name, parameters))
    if _ADVISORY.search(sql):
        locks.add(Rows("advisory locks", parameters.get("lock")))
    return Step(text, frozenset(reads), frozenset(locks), frozenset() if in_transaction else frozenset(locks))


def _touched(name: str, sql: str, parameters: Mapping[str, Any]) -> Rows:
    """Return the only row of a table that a statement can touch, or the whole table if there may be several."""
    is_named_once = len(re.findall(rf"\b(?:FROM|JOIN|UPDATE|INTO) {name}\b", sql)) == 1
    while (outer := _GROUP.sub("", sql)) != sql:
        sql = outer
    condition = sql.partition(" WHERE ")[2]
    same_key = re.search(rf"\b{name}\.{_key(name)} = :(\w+)", condition)
    return Rows(name, parameters[same_key[1]] if same_key and is_named_once and " OR " not in condition else None)


@dataclass(frozen=True)
class _Unique:
    """A unique constraint or index. `columns` are its columns, and `relevant` are also those in its condition."""

    name: str
    columns: tuple[str, ...]
    relevant: frozenset[str]

    def is_affected_by(self, changes: str) -> bool:
        """Whether the `SET` clause of an `UPDATE` can make a row equal to another one, or no longer equal."""
        return any(re.search(rf"\b{column} ?=", changes) for column in self.relevant)


@cache
def _unique(name: str) -> list[_Unique]:
    table = Base.metadata.tables[name]
    constraints = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    found = []
    for each in [*constraints, *(index for index in table.indexes if index.unique)]:
        columns = tuple(column.name for column in each.columns)
        condition = str(each.dialect_options["postgresql"].get("where", ""))
        conditional = {column.name for column in table.columns if re.search(rf"\b{column.name}\b", condition)}
        found.append(_Unique(f"{name} by {columns}", columns, frozenset({*columns, *conditional})))
    return found


def _unique_values(name: str, parameters: Mapping[str, Any]) -> Iterator[Rows]:
    """Yield what can keep other rows from being inserted: the values of the new row in unique columns."""
    for unique in _unique(name):
        if not all(column in parameters for column in unique.columns):
            yield Rows(unique.name)
        elif None not in (values := tuple(parameters[column] for column in unique.columns)):
            yield Rows(unique.name, values)


def _parents(name: str, parameters: Mapping[str, Any]) -> Iterator[Rows]:
    """Yield the rows that a new row refers to. They cannot be deleted at the same time."""
    for foreign_key in Base.metadata.tables[name].foreign_keys:
        column = foreign_key.parent.name
        if parameters.get(column, ...) is not None:
            yield Rows(_children(foreign_key.column.table.name), parameters.get(column))


def _children(name: str) -> str:
    return f"children of {name}"


def _key(name: str) -> str:
    """Return the column of the primary key, or an empty string for something else than a table."""
    return Base.metadata.tables[name].primary_key.columns.keys()[0] if name in Base.metadata.tables else ""
