"""Connections that detect an unresponsive PostgreSQL server: one that hangs, or whose packets the network drops.

In this state, the server's own timeouts cannot fire, and TCP timeouts do not fire while the peer's kernel still
acknowledges packets. Therefore, a thread that has waited for a while opens a second connection to probe the server. If
the server responds to the probe, the wait continues: slow statements and lock waits are not interrupted.

A deadline for each wait would not be enough: to tolerate slow statements, it would have to exceed the server's
statement timeout, but while the server is unresponsive, requests must fail within about two seconds (row 3 of
`docs/failures.md`).

psycopg 3.3.9 has no hook for this. `Connection` overrides `wait`, through which psycopg runs the generator of every
operation, and the private `_connect_gen`, which it runs for each address of a host. Both generators are resumed without
an event at least every 0.1 s (`psycopg.waiting`), which is when the checks run.
https://github.com/psycopg/psycopg/blob/3.3.9/psycopg/psycopg/connection.py
"""

from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen, PQGenConn
from psycopg.errors import ConnectionTimeout
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready

_PROBE_AFTER_SECONDS = 0.5
_PROBE_TIMEOUT_SECONDS = 1.0
# Minimum time between two probes, and between a failed probe and the next attempt to connect.
_PROBE_INTERVAL_SECONDS = 1.0
# Maximum time to connect to one address, and maximum time to try all addresses of a host.
_ADDRESS_TIMEOUT_SECONDS, _HOST_TIMEOUT_SECONDS = 1.5, 2.0

_Yield = TypeVar("_Yield")
_Result = TypeVar("_Result")
_connect_deadline: ContextVar[float] = ContextVar("connect_deadline", default=inf)


class Unresponsive(psycopg.OperationalError):
    """The server accepts connections but does not respond, or cannot be reached at all."""


class Connection(psycopg.Connection[Any]):
    """A connection that closes itself and raises Unresponsive when the server stops responding."""

    server: "Server"
    parameters: dict[str, Any]

    def wait(self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None) -> _Result:
        return super().wait(_monitored(gen, self._check_server), interval, timeout)

    def commit(self) -> None:
        """Commit. Raises InFailedSqlTransaction if a statement has failed, since PostgreSQL would only roll back."""
        if self.pgconn.transaction_status == TransactionStatus.INERROR:
            raise psycopg.errors.InFailedSqlTransaction("cannot commit: a statement of this transaction failed")
        super().commit()

    def rollback(self) -> None:
        """Roll back, unless no transaction is open, as is the case after reads."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            super().rollback()

    def _check_server(self, since: float, _has_received: bool) -> None:
        if monotonic() >= since + _PROBE_AFTER_SECONDS and self.server.is_unresponsive(self, since):
            self.close()
            raise Unresponsive("the server is unresponsive")

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """Connect to one address.

        psycopg's `connect_timeout` cannot be less than two seconds, and applies to each address of a host separately.
        """
        deadline = min(_connect_deadline.get(), monotonic() + _ADDRESS_TIMEOUT_SECONDS)

        def check_deadline(_since: float, has_received: bool) -> None:
            if monotonic() >= deadline:
                raise psycopg.OperationalError("handshake too slow") if has_received else ConnectionTimeout("timed out")

        return _monitored(super()._connect_gen(conninfo), check_deadline)


class Server:
    """The state of a server, as observed by this process in its connection attempts.

    There is no lock, so two threads may occasionally probe at the same time.
    """

    def __init__(self) -> None:
        self._unresponsive_at = -inf
        self._next_probe_at = self._next_connect_at = -inf

    def connect(self, parameters: dict[str, Any]) -> Connection:
        """Return a new connection, or raise psycopg.OperationalError within seconds.

        After the server has been unresponsive, only one thread at a time tries to connect; all others fail immediately.
        """
        at = monotonic()
        if at < self._next_connect_at:
            raise Unresponsive("the server was unresponsive a moment ago")
        if self._unresponsive_at > -inf:
            self._next_connect_at = at + _HOST_TIMEOUT_SECONDS
        return self._connect(parameters, _HOST_TIMEOUT_SECONDS)

    def is_unresponsive(self, connection: Connection, since: float) -> bool:
        """Return whether a probe has failed while `connection` was waiting. `since` is the time of its last event."""
        at = monotonic()
        if at >= self._next_probe_at:
            self._next_probe_at = at + _PROBE_INTERVAL_SECONDS
            self._probe(connection)
        return self._unresponsive_at >= since + _PROBE_AFTER_SECONDS

    def _probe(self, connection: Connection) -> None:
        info = connection.info
        address = {"host": info.host, "hostaddr": info.hostaddr or None, "port": info.port}
        with suppress(psycopg.OperationalError):  # a rejected connection is also a response
            self._connect({**connection.parameters, **address}, _PROBE_TIMEOUT_SECONDS).close()

    def _connect(self, parameters: dict[str, Any], seconds: float) -> Connection:
        token = _connect_deadline.set(monotonic() + seconds)
        try:
            connection = Connection.connect(**parameters)
        except psycopg.OperationalError as error:
            self._record(is_unresponsive=isinstance(error, ConnectionTimeout))
            raise
        finally:
            _connect_deadline.reset(token)
        self._record(is_unresponsive=False)
        connection.server, connection.parameters = self, parameters
        return connection

    def _record(self, *, is_unresponsive: bool) -> None:
        self._unresponsive_at = monotonic() if is_unresponsive else -inf
        self._next_connect_at = self._unresponsive_at + _PROBE_INTERVAL_SECONDS


def _monitored(
    gen: Generator[_Yield, Ready | int, _Result], on_idle: Callable[[float, bool], None]
) -> Generator[_Yield, Ready | int, _Result]:
    """Run `gen`, and call `on_idle(since, has_received)` whenever it is resumed without an event.

    `since` is the time of the last event; `has_received` is whether any data has arrived at all.
    """
    since, has_received = monotonic(), False
    try:
        request = next(gen)
        while True:
            ready = yield request
            if ready:
                since, has_received = monotonic(), has_received or bool(ready & Ready.R)
            else:
                on_idle(since, has_received)
            request = gen.send(ready)
    except StopIteration as end:
        result: _Result = end.value
        return result
