"""Connections to a PostgreSQL that may fall silent: a server that stands still, a network that swallows everything.

No time-out of the server's helps then, and none of TCP's while somebody acknowledges. So whoever has waited for a
while asks, by a new connection, whether the server still says anything. A statement that merely takes its time, or
waits for a lock, is left alone.
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
from psycopg.waiting import Ready

_PROBE_AFTER_SECONDS = 0.5
_PROBE_TIMEOUT_SECONDS = 1.0
# After a server was heard nobody asks for so long; after it was not, nobody tries to connect.
_PAUSE_SECONDS = 1.0
# To connect to one address, and to a host with all that it has.
_ADDRESS_SECONDS, _HOST_SECONDS = 1.5, 2.0

_Yield = TypeVar("_Yield")
_Result = TypeVar("_Result")
_connect_deadline: ContextVar[float] = ContextVar("connect_by", default=inf)


class Unresponsive(psycopg.OperationalError):
    """The server says nothing to anybody."""


class Connection(psycopg.Connection[Any]):
    """A connection whose every wait ends with Silent, and with the connection, when the server is silent."""

    server: "Server"
    parameters: dict[str, Any]

    def wait(self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None) -> _Result:
        """What `gen` returns."""
        return super().wait(_watched(gen, self._doubt), interval, timeout)

    def _doubt(self, since: float, _was_heard: bool) -> None:
        if monotonic() >= since + _PROBE_AFTER_SECONDS and self.server.is_unresponsive(self, since):
            self.close()
            raise Unresponsive("the server is silent")

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """psycopg's own bound is of two seconds at least, and for each address of a host."""
        by = min(_connect_deadline.get(), monotonic() + _ADDRESS_SECONDS)

        def doubt(_since: float, was_heard: bool) -> None:
            if monotonic() >= by:
                raise psycopg.OperationalError("connecting is slow") if was_heard else ConnectionTimeout("no answer")

        return _watched(super()._connect_gen(conninfo), doubt)


class Server:
    """What this process knows of a server from those who connect. It has no lock: two may ask at once."""

    def __init__(self) -> None:
        self._silent_at = -inf
        self._ask_from = self._connect_from = -inf

    def connect(self, parameters: dict[str, Any]) -> Connection:
        """A new connection, within seconds. Of a server that was silent just now, one at a time asks for one.

        Raises psycopg.OperationalError.
        """
        at = monotonic()
        if at < self._connect_from:
            raise Unresponsive("the server was silent just now")
        if self._silent_at > -inf:
            self._connect_from = at + _HOST_SECONDS
        return self._connect(parameters, _HOST_SECONDS)

    def is_unresponsive(self, connection: Connection, since: float) -> bool:
        """Whether somebody was not answered while `connection` waited in vain, `since` that moment."""
        at = monotonic()
        if at >= self._ask_from:
            self._ask_from = at + _PAUSE_SECONDS
            self._ask(connection)
        return self._silent_at >= since + _PROBE_AFTER_SECONDS

    def _ask(self, connection: Connection) -> None:
        info = connection.info
        where = {"host": info.host, "hostaddr": info.hostaddr or None, "port": info.port}
        with suppress(psycopg.OperationalError):  # a refusal is an answer, too
            self._connect({**connection.parameters, **where}, _PROBE_TIMEOUT_SECONDS).close()

    def _connect(self, parameters: dict[str, Any], seconds: float) -> Connection:
        token = _connect_deadline.set(monotonic() + seconds)
        try:
            connection = Connection.connect(**parameters)
        except psycopg.OperationalError as error:
            self._note(is_unresponsive=isinstance(error, ConnectionTimeout))
            raise
        finally:
            _connect_deadline.reset(token)
        self._note(is_unresponsive=False)
        connection.server, connection.parameters = self, parameters
        return connection

    def _note(self, *, is_unresponsive: bool) -> None:
        self._silent_at = monotonic() if is_unresponsive else -inf
        self._connect_from = self._silent_at + _PAUSE_SECONDS


def _watched(
    gen: Generator[_Yield, Ready | int, _Result], doubt: Callable[[float, bool], None]
) -> Generator[_Yield, Ready | int, _Result]:
    """`gen`, and while nothing comes, `doubt` is told since when, and whether anything was heard at all."""
    since, was_heard = monotonic(), False
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                since, was_heard = monotonic(), was_heard or bool(ready & Ready.R)
            else:
                doubt(since, was_heard)
            wanted = gen.send(ready)
    except StopIteration as end:
        result: _Result = end.value
        return result
