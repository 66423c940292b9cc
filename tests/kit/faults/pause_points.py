"""Pauses real processes at named points in their PostgreSQL transactions, using triggers that wait for a lock.

A paused process has done its work but has not committed it. The process can be found, killed or stopped.
Its statement times out after 15 s.
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

_RESPONSE_UPDATE: LiteralString = "UPDATE OF status ON idempotency_records"
_JOB_UPDATE: LiteralString = "UPDATE OF status ON jobs"
_IN_COMMIT: LiteralString = " DEFERRABLE INITIALLY DEFERRED"
# For each point, the trigger to create and the condition that a row must meet.
_POINTS: dict[str, tuple[LiteralString, LiteralString]] = {
    "store-response": ("TRIGGER point BEFORE " + _RESPONSE_UPDATE, "true"),
    "commit-response": ("CONSTRAINT TRIGGER point AFTER " + _RESPONSE_UPDATE + _IN_COMMIT, "true"),
    "mark-email-sent": ("TRIGGER point BEFORE UPDATE OF delivery ON invitations", "NEW.delivery = 'sent'"),
    "mark-thumbnails-ready": ("TRIGGER point BEFORE UPDATE OF thumbnails ON files", "NEW.thumbnails = 'ready'"),
    "republish-job": (
        "TRIGGER point BEFORE UPDATE OF publish_at ON jobs",
        "OLD.status = 'queued' AND NEW.status = 'queued'",
    ),
    "claim-job": ("TRIGGER point BEFORE " + _JOB_UPDATE, "NEW.status = 'running'"),
    "commit-claim": ("CONSTRAINT TRIGGER point AFTER " + _JOB_UPDATE + _IN_COMMIT, "NEW.status = 'running'"),
    "finish-job": ("TRIGGER point BEFORE " + _JOB_UPDATE, "NEW.status = 'done'"),
    "commit-finished-job": ("CONSTRAINT TRIGGER point AFTER " + _JOB_UPDATE + _IN_COMMIT, "NEW.status = 'done'"),
}
_FUNCTION: LiteralString = """
CREATE FUNCTION wait_at_point() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared(47, 11); RETURN NEW; END $$
"""
_RELEASE: LiteralString = "SELECT pg_advisory_unlock_all()"
# CASCADE also drops the trigger.
_CLEANUP: LiteralString = "DROP FUNCTION wait_at_point() CASCADE"
_WAITING: LiteralString = """
SELECT pid, client_port FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted AND objsubid = %s
"""
# pg_locks.objsubid is 1 for locks on one bigint (idempotency keys), 2 for locks on two integers (pause points).
_ONE_KEY, _TWO_KEYS = 1, 2


@dataclass(frozen=True)
class PausePoint:
    """A point at which all processes pause until `release()`; `connection` holds the lock that they wait for."""

    connection: psycopg.Connection
    proxy: FaultProxy | None

    def release(self) -> None:
        """Let all processes continue, including those that reach the point later."""
        self.connection.execute(_RELEASE)

    def count_paused(self) -> int:
        """Return the number of transactions that are paused at this point."""
        return len(self._waiting(_TWO_KEYS))

    def count_waiting_duplicates(self) -> int:
        """Return the number of requests waiting for a concurrent duplicate to release the lock on their key."""
        return len(self._waiting(_ONE_KEY))

    def end_connections(self) -> None:
        """Terminate the database connections of the paused transactions."""
        for backend, _port in self._waiting(_TWO_KEYS):
            self.connection.execute("SELECT pg_terminate_backend(%s)", [backend])

    def pids(self) -> list[int]:
        """Return the ids of the paused processes."""
        return [self._pid(port) for _backend, port in self._waiting(_TWO_KEYS)]

    def kill(self) -> list[int]:
        """Kill the paused processes with SIGKILL; return their ids."""
        pids = self.pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def _pid(self, port: int) -> int:
        if self.proxy:
            return pid_of_connection(self.proxy.client_port(port), self.proxy.port)
        return pid_of_connection(port, self.connection.info.port)

    def _waiting(self, n_keys: int) -> list[tuple[int, int]]:
        return self.connection.execute(_WAITING, [n_keys]).fetchall()


@contextmanager
def pause_at(database_url: str, point: str, *, proxy: FaultProxy | None = None) -> Iterator[PausePoint]:
    """Pause processes at `point` until the `with` block exits. `proxy` is their database proxy, if they use one."""
    trigger, condition = _POINTS[point]
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_FUNCTION)
        connection.execute("SELECT pg_advisory_lock(47, 11)")
        connection.execute(f"CREATE {trigger} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION wait_at_point()")
        try:
            yield PausePoint(connection, proxy)
        finally:
            connection.execute(_RELEASE)
            connection.execute(_CLEANUP)


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Stop processes with SIGSTOP; continue them when the `with` block exits."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def wait_for_count(expected: int, count: Callable[[], int], seconds: float = 5) -> None:
    """Wait until `count()` returns the expected number; fail after `seconds`."""
    deadline = monotonic() + seconds
    while (current := count()) != expected:
        assert monotonic() < deadline, f"expected a count of {expected}, got {current}"
        sleep(0.01)
