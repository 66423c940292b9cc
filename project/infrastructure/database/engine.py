"""Engine configuration: timeouts, connection pools, and SQLite settings for access by several processes."""

import os
import sqlite3
import time
from functools import partial
from typing import Any, cast
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DataError, IntegrityError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from project.config import Settings

_PING_AFTER_IDLE_SECONDS = 1.0
_POOL_TIMEOUT_SECONDS = 1.5
# Error messages are logged, and the parameters of a statement may be secret.
_HIDE_VALUES = {"hide_parameters": True}
_SERVER_TIMEOUTS = "-c lock_timeout=5000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=60000"
# In another time zone, psycopg could not load times near the limits of `datetime` (years 1 and 9999).
_TIME_ZONE = "-c timezone=UTC"
# The network may drop a single connection while the server is still reachable.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
_engines: WeakSet[Engine] = WeakSet()
_parent_pools: list[Pool] = []


def options(settings: Settings) -> dict[str, Any]:
    """Return the keyword arguments for `create_engine`."""
    if settings.database_url.startswith("sqlite"):
        return {**_HIDE_VALUES, "connect_args": {"timeout": 15}}
    return {
        **_HIDE_VALUES,
        # Each web thread and each worker process uses one connection at a time.
        "pool_size": settings.web_threads,
        "max_overflow": 0,
        "pool_timeout": _POOL_TIMEOUT_SECONDS,
        # Connections are always in autocommit mode: see `_begin`.
        "isolation_level": "AUTOCOMMIT",
        "connect_args": {"options": f"{_SERVER_TIMEOUTS} {_TIME_ZONE}", **_KEEPALIVE},
    }


def configure(engine: Engine) -> Engine:
    """Register event listeners on `engine`, which is used for writes, and return an engine for reads.

    The returned engine shares the connection pool. It never begins a transaction, so each statement is committed.
    """
    _engines.add(engine)
    if engine.dialect.name == "postgresql":
        # Imported here because importing psycopg takes a tenth of the start-up time, and SQLite does not need it.
        from project.infrastructure.database.postgresql import Server

        server = Server()
        event.listen(engine, "do_connect", lambda _dialect, _entry, _arguments, parameters: server.connect(parameters))
        event.listen(engine, "handle_error", _hide_values)
        event.listen(engine, "checkin", _note_idle)
        event.listen(engine, "checkout", lambda raw, entry, _fairy: _ensure_alive(engine, raw, entry))
        event.listen(engine, "begin", partial(_begin, "BEGIN"))
    else:
        event.listen(engine, "connect", _configure_sqlite)
        # After a deferred BEGIN, a later write fails with "database is locked" instead of waiting for the lock.
        event.listen(engine, "begin", partial(_begin, "BEGIN IMMEDIATE"))
    return engine.execution_options(reading=True)


def _hide_values(context: ExceptionContext) -> None:
    """Remove row values from the message of a constraint or data error, since the message is logged.

    PostgreSQL repeats the rejected values, sometimes the whole row, after the first colon and in the DETAIL line.
    """
    if isinstance(context.sqlalchemy_exception, (IntegrityError, DataError)):
        for error in (context.original_exception, context.sqlalchemy_exception):
            error.args = (str(error.args[0]).partition("\n")[0].partition(": ")[0],)


def _reset_connections() -> None:
    """Make a forked child open its own connections.

    Two processes that share a connection would receive each other's results.
    """
    for engine in _engines:
        # Keep a reference to the parent's pool, so that its connections stay open: with SQLite, a process must not even
        # close a connection that another process opened.
        _parent_pools.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_reset_connections)


def _note_idle(_raw: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info["idle_since"] = time.monotonic()


def _ensure_alive(engine: Engine, raw: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Ping a connection that has been idle; raise `InvalidatePoolError` if it is dead.

    SQLAlchemy's `pool_pre_ping` would instead cost a round trip on every checkout.
    """
    if time.monotonic() - entry.info.get("idle_since", time.monotonic()) < _PING_AFTER_IDLE_SECONDS:
        return
    try:
        engine.dialect.do_ping(raw)
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _configure_sqlite(connection: DBAPIConnection, _record: object) -> None:
    raw = cast(sqlite3.Connection, connection)
    raw.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")


def _begin(statement: str, connection: Connection) -> None:
    """Begin a transaction, unless the connection is used for reads or, by a migration, in autocommit mode.

    The drivers are always in autocommit mode, and do not begin transactions themselves: to switch the mode for each
    checkout costs as much as a short query.
    """
    options = connection.get_execution_options()
    if not options.get("reading") and options.get("isolation_level") != "AUTOCOMMIT":
        try:
            connection.exec_driver_sql(statement)
        except BaseException:
            # SQLAlchemy would run the next statements of this connection without a transaction.
            connection.close()
            raise
