"""A gate in a PostgreSQL database: keyed requests wait there, their work done and not yet committed.

It stands where they keep their answer, or in their `COMMIT`. Statements give up after 15 s.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import LiteralString

import psycopg

_FUNCTION: LiteralString = """
CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared(47, 11); RETURN NEW; END $$
"""
_EACH: LiteralString = " FOR EACH ROW EXECUTE FUNCTION wait_at_gate()"
_WHERE: dict[str, LiteralString] = {
    "UPDATE": "CREATE TRIGGER gate BEFORE UPDATE OF status ON idempotency_records" + _EACH,
    "COMMIT": "CREATE CONSTRAINT TRIGGER gate AFTER UPDATE OF status ON idempotency_records "
    "DEFERRABLE INITIALLY DEFERRED" + _EACH,
}
_OPENING: LiteralString = "SELECT pg_advisory_unlock_all()"
_REMOVAL: LiteralString = "DROP TRIGGER gate ON idempotency_records; DROP FUNCTION wait_at_gate()"
_WAITING: LiteralString = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted AND objsubid = %s
"""
_OF_ONE_NUMBER, _OF_TWO_NUMBERS = 1, 2


@dataclass(frozen=True)
class Gate:
    """A closed gate, seen by the connection that keeps it closed."""

    connection: psycopg.Connection

    def open(self) -> None:
        """Let through who waits, and whoever comes."""
        self.connection.execute(_OPENING)

    def arrived(self) -> int:
        """How many requests wait at the gate."""
        return len(self._waiting(_OF_TWO_NUMBERS))

    def twins(self) -> int:
        """How many wait for a twin: for the lock of an idempotency key."""
        return len(self._waiting(_OF_ONE_NUMBER))

    def end_connections(self) -> None:
        """End the connections of those who wait at the gate."""
        for pid in self._waiting(_OF_TWO_NUMBERS):
            self.connection.execute("SELECT pg_terminate_backend(%s)", [pid])

    def _waiting(self, kind: int) -> list[int]:
        return [row[0] for row in self.connection.execute(_WAITING, [kind])]


@contextmanager
def gate(database_url: str, *, at: str = "UPDATE") -> Iterator[Gate]:
    """A closed gate in the database at that URL; it is gone with the block."""
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_FUNCTION)
        connection.execute(_WHERE[at])
        connection.execute("SELECT pg_advisory_lock(47, 11)")
        try:
            yield Gate(connection)
        finally:
            connection.execute(_OPENING)
            connection.execute(_REMOVAL)


def wait_for(number: int, of: Callable[[], int], seconds: float = 5) -> None:
    """Return when there are so many."""
    deadline = monotonic() + seconds
    while (found := of()) != number:
        assert monotonic() < deadline, f"{found} instead of {number}"
        sleep(0.01)
