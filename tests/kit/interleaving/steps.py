"""What a step touches, derived from its SQL, to tell which steps can be exchanged without any effect."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from project.infrastructure.database.models import Base

_NAME = r'"?(\w+)"?'
_READ = re.compile(rf"\b(?:FROM|JOIN)\s+{_NAME}(?!\s*\()", re.IGNORECASE)
_WRITTEN = re.compile(rf"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?!SET\b){_NAME}", re.IGNORECASE)
_INSERTED = re.compile(rf"\bINSERT\s+INTO\s+{_NAME}", re.IGNORECASE)
_DELETED = re.compile(rf"\bDELETE\s+FROM\s+{_NAME}", re.IGNORECASE)
_LOCKING = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE|\bFOR\s+(?:KEY\s+)?SHARE", re.IGNORECASE)
_ADVISORY = re.compile(r"\bpg_(?:try_)?advisory\w*", re.IGNORECASE)
_ADVISORY_LOCKS = "advisory locks"


@dataclass(frozen=True)
class Step:
    """A statement, or the end of a transaction.

    `reads` are the tables that it reads, `locks` those in which it writes or locks rows, and `publishes` those whose
    changes become visible, and whose locks are released.
    """

    text: str
    reads: frozenset[str] = frozenset()
    locks: frozenset[str] = frozenset()
    publishes: frozenset[str] = frozenset()

    def is_independent_of(self, other: "Step") -> bool:
        """Whether the order of two adjacent steps has no effect."""
        return not (
            self.locks & (other.locks | other.publishes)
            or self.publishes & (other.reads | other.locks | other.publishes)
            or other.publishes & self.reads
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


@cache
def statement(sql: str, *, in_transaction: bool) -> Step:
    """Return the step that executes `sql`. Outside a transaction, it publishes what it writes."""
    reads = frozenset(_READ.findall(sql))
    locks = frozenset(_WRITTEN.findall(sql))
    if _LOCKING.search(sql):
        locks |= reads
    # A foreign key makes the order of an insertion and of the deletion of its parent significant.
    reads |= {_keys(parent) for name in _INSERTED.findall(sql) for parent in _parents(name)}
    locks |= {_keys(name) for name in _DELETED.findall(sql)}
    if _ADVISORY.search(sql):
        locks |= {_ADVISORY_LOCKS}
    return Step(" ".join(sql.split()), reads, locks, frozenset() if in_transaction else locks)


def _keys(table: str) -> str:
    return f"keys of {table}"


def _parents(table: str) -> set[str]:
    return {key.column.table.name for key in Base.metadata.tables[table].foreign_keys}
