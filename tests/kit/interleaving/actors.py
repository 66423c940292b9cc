"""Actors: threads that execute operations, one step at a time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, event

from project.infrastructure.database import db
from tests.kit.interleaving.steps import Rows, Step, overlap, statement

# A step that takes longer may be waiting for a lock. This is unlikely unless another actor has locked the same rows.
_SOON_SECONDS, _LATE_SECONDS = 0.002, 0.2
_TIMEOUT_SECONDS = 20
_BLOCKERS = "SELECT pg_blocking_pids(%s) && %s::int[]"
_ROLLBACK = "ROLLBACK"
_this = threading.local()


class Aborted(BaseException):
    """Ends an actor whose execution has failed. It is no `Exception`, so that no operation handles it."""


class Actor(threading.Thread):
    """Executes an operation. Stops at a gate before each statement and each end of a transaction.

    The actor with the index 0 is named `A`, the next one `B`, and so on. `step` is the step at the gate, or None once
    the operation has ended. `locked` are the rows that its transaction has locked.
    """

    def __init__(self, index: int, app: Flask, operation: Callable[[], Any]) -> None:
        super().__init__(name=chr(ord("A") + index), daemon=True)
        self.index = index
        self.step: Step | None = None
        self.backend_pid: int | None = None
        self.locked: frozenset[Rows] = frozenset()
        self.result: Any = None
        self._app = app
        self._operation = operation
        self._arrived, self._granted = threading.Event(), threading.Event()
        self._is_aborted = False

    def run(self) -> None:
        """Execute the operation in a separate application context."""
        _this.actor = self
        with self._app.app_context():
            try:
                self.result = self._operation()
            except (Exception, Aborted) as error:  # the result of the operation
                self.result = error
        self.step = None
        self._arrived.set()

    def grant(self) -> None:
        """Let the actor execute its step and continue to its next gate."""
        self._arrived.clear()
        self._granted.set()

    def abort(self) -> None:
        """Make the actor roll back its transaction and end."""
        self._is_aborted = True
        self._granted.set()

    def has_arrived(self, seconds: float = 0) -> bool:
        """Whether the actor is at a gate or has ended. Waits for at most `seconds`."""
        return self._arrived.wait(seconds)

    def reach(self, step: Step) -> None:
        """Wait at the gate until the step is granted. Runs in the actor's thread."""
        self.step = step
        self._arrived.set()
        if not self._granted.wait(_TIMEOUT_SECONDS):
            self._is_aborted = True
        self._granted.clear()
        if self._is_aborted and step.text != _ROLLBACK:
            raise Aborted

    def reach_statement(self, connection: Connection, sql: str, parameters: Any) -> None:
        """Wait until the statement is granted. `BEGIN` alone has no effect, so it is part of the next step."""
        if sql == "BEGIN":
            return
        in_transaction = _is_in_transaction(connection)
        step = statement(sql, parameters if isinstance(parameters, dict) else {}, in_transaction=in_transaction)
        locked = step.locks | step.shares
        self.locked = self.locked | locked if in_transaction else locked
        self.backend_pid = _raw(connection).info.backend_pid
        self.reach(step)

    def reach_end(self, connection: Connection, text: str) -> None:
        """Wait until the end of the transaction is granted. Connections that are only returned have no gate."""
        if _is_in_transaction(connection):
            self.reach(Step(text, publishes=self.locked))
            self.locked = frozenset()


@contextmanager
def gates(app: Flask) -> Iterator[None]:
    """Make actors stop at gates. Other threads are not affected."""
    with app.app_context():
        engine = db.engine
    listeners = {
        "before_cursor_execute": lambda *call: _with_actor(
            lambda actor: actor.reach_statement(call[0], call[2], call[3])
        ),
        "commit": lambda connection: _with_actor(lambda actor: actor.reach_end(connection, "COMMIT")),
        "rollback": lambda connection: _with_actor(lambda actor: actor.reach_end(connection, _ROLLBACK)),
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)


class LockWaits:
    """Tells whether an actor waits for a lock of another actor, and ends such a wait."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def settle(self, actor: Actor, step: Step, others: list[Actor]) -> bool:
        """Wait until `actor` has arrived, and return True, or until it waits for one of `others`, and return False."""
        pids = [each.backend_pid for each in others if each.backend_pid]
        may_wait = any(overlap(each.locked, step.locks | step.shares) for each in others)
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while not actor.has_arrived(_SOON_SECONDS if may_wait else _LATE_SECONDS):
            assert time.monotonic() < deadline, f"{actor.name} waits, but not for another actor: {step.text}"
            if self._connection.execute(_BLOCKERS, [actor.backend_pid, pids]).fetchone()[0]:
                return actor.has_arrived()
        return True

    def cancel(self, actor: Actor) -> None:
        """Cancel the statement of an actor."""
        self._connection.execute("SELECT pg_cancel_backend(%s)", [actor.backend_pid])

    def close(self) -> None:
        """Close the connection that asks for lock waits."""
        self._connection.close()


def current_actor() -> Actor | None:
    """Return the actor of this thread, or None."""
    return getattr(_this, "actor", None)


def _with_actor(call: Callable[[Actor], None]) -> None:
    if actor := current_actor():
        call(actor)


def _raw(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _is_in_transaction(connection: Connection) -> bool:
    return _raw(connection).info.transaction_status != TransactionStatus.IDLE
