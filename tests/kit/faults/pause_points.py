"""Named points in a PostgreSQL database at which real processes wait, held from outside by triggers.

Their work is done and not yet committed. Who waits can be found, killed and stopped. Statements give up after 15 s.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import LiteralString

import psycopg

from tests.kit.faults.proxy import FaultProxy
from tests.kit.servers.process import pid_of_connection

_ANSWER: LiteralString = "UPDATE OF status ON idempotency_records"
_JOB: LiteralString = "UPDATE OF status ON jobs"
_IN_COMMIT: LiteralString = " DEFERRABLE INITIALLY DEFERRED"
_POINTS: dict[str, tuple[LiteralString, LiteralString]] = {
    "keeping an answer": ("TRIGGER point BEFORE " + _ANSWER, "true"),
    "committing an answer": ("CONSTRAINT TRIGGER point AFTER " + _ANSWER + _IN_COMMIT, "true"),
    "telling that a mail was sent": ("TRIGGER point BEFORE UPDATE OF delivery ON invitations", "NEW.delivery = 'sent'"),
    "telling of thumbnails": ("TRIGGER point BEFORE UPDATE OF thumbnails ON files", "NEW.thumbnails = 'ready'"),
    "handing a job over": (
        "TRIGGER point BEFORE UPDATE OF publish_at ON jobs",
        "OLD.status = 'queued' AND NEW.status = 'queued'",
    ),
    "claiming a job": ("TRIGGER point BEFORE " + _JOB, "NEW.status = 'running'"),
    "committing a claim": ("CONSTRAINT TRIGGER point AFTER " + _JOB + _IN_COMMIT, "NEW.status = 'running'"),
    "ending a job": ("TRIGGER point BEFORE " + _JOB, "NEW.status = 'done'"),
    "committing an end": ("CONSTRAINT TRIGGER point AFTER " + _JOB + _IN_COMMIT, "NEW.status = 'done'"),
}
_FUNCTION: LiteralString = """
CREATE FUNCTION wait_at_point() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared(47, 11); RETURN NEW; END $$
"""
_OPENING: LiteralString = "SELECT pg_advisory_unlock_all()"
# With the function goes its trigger.
_REMOVAL: LiteralString = "DROP FUNCTION wait_at_point() CASCADE"
_WAITING: LiteralString = """
SELECT pid, client_port FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted AND objsubid = %s
"""
_OF_ONE_NUMBER, _OF_TWO_NUMBERS = 1, 2


@dataclass(frozen=True)
class Point:
    """A point that nobody passes, seen by the connection that holds it."""

    connection: psycopg.Connection
    proxy: FaultProxy | None

    def open(self) -> None:
        """Let through who waits, and whoever comes."""
        self.connection.execute(_OPENING)

    def arrived(self) -> int:
        """How many wait at the point."""
        return len(self._waiting(_OF_TWO_NUMBERS))

    def twins(self) -> int:
        """How many wait for a twin: for the lock of an idempotency key."""
        return len(self._waiting(_OF_ONE_NUMBER))

    def end_connections(self) -> None:
        """End the connections of those who wait at the point."""
        for backend, _port in self._waiting(_OF_TWO_NUMBERS):
            self.connection.execute("SELECT pg_terminate_backend(%s)", [backend])

    def pids(self) -> list[int]:
        """The processes that wait at the point."""
        return [self._pid(port) for _backend, port in self._waiting(_OF_TWO_NUMBERS)]

    def kill(self) -> list[int]:
        """Kill the processes that wait at the point; which these were."""
        pids = self.pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def _pid(self, port: int) -> int:
        if self.proxy:
            return pid_of_connection(self.proxy.origin(port), self.proxy.port)
        return pid_of_connection(port, self.connection.info.port)

    def _waiting(self, kind: int) -> list[tuple[int, int]]:
        return self.connection.execute(_WAITING, [kind]).fetchall()


@contextmanager
def held(database_url: str, at: str, *, proxy: FaultProxy | None = None) -> Iterator[Point]:
    """Hold the point of that name until the block ends; `proxy` is what processes reach the database through."""
    trigger, condition = _POINTS[at]
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_FUNCTION)
        connection.execute("SELECT pg_advisory_lock(47, 11)")
        connection.execute(f"CREATE {trigger} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION wait_at_point()")
        try:
            yield Point(connection, proxy)
        finally:
            connection.execute(_OPENING)
            connection.execute(_REMOVAL)


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Processes that stand still until the block ends."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def wait_for(number: int, of: Callable[[], int], seconds: float = 5) -> None:
    """Return when there are so many."""
    deadline = monotonic() + seconds
    while (found := of()) != number:
        assert monotonic() < deadline, f"{found} instead of {number}"
        sleep(0.01)
