"""How each kind of database is connected to: time-outs, pools, and what SQLite needs to serve several processes."""

import os
import sqlite3
import time
from typing import Any, cast
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DataError, IntegrityError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from project.config import Settings
from project.infrastructure.database.postgresql import Server

_PING_AFTER_IDLE_SECONDS = 1.0
_POOL_TIMEOUT_SECONDS = 1.5
# An error's text goes to the log; the values of a statement must not.
_HIDE_VALUES = {"hide_parameters": True}
_SERVER_TIMEOUTS = "-c lock_timeout=5000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=60000"
# The network may lose one connection, while the server is there for all others.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
_engines: WeakSet[Engine] = WeakSet()
_parent_pools: list[Pool] = []


def options(settings: Settings) -> dict[str, Any]:
    """What to make the engine with."""
    if settings.database_url.startswith("sqlite"):
        return {**_HIDE_VALUES, "connect_args": {"timeout": 15}}
    return {
        **_HIDE_VALUES,
        # A thread uses one at a time, and so does a worker's process.
        "pool_size": settings.web_threads,
        "max_overflow": 0,
        "pool_timeout": _POOL_TIMEOUT_SECONDS,
        "connect_args": {"options": _SERVER_TIMEOUTS, **_KEEPALIVE},
    }


def configure(engine: Engine) -> Engine:
    """Prepare `engine` for writing, and return it for reading: by the same pool, each statement on its own."""
    _engines.add(engine)
    if engine.dialect.name == "postgresql":
        server = Server()
        event.listen(engine, "do_connect", lambda _dialect, _entry, _arguments, named: server.connect(named))
        event.listen(engine, "handle_error", _hide_values)
        event.listen(engine, "checkin", _note_idle)
        event.listen(engine, "checkout", lambda raw, entry, _fairy: _ensure_alive(engine, raw, entry))
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine.execution_options(reading=True)


def _hide_values(context: ExceptionContext) -> None:
    """PostgreSQL tells what it refused, down to the whole row: behind a colon, and in the lines below the first."""
    if isinstance(context.sqlalchemy_exception, (IntegrityError, DataError)):
        for error in (context.original_exception, context.sqlalchemy_exception):
            error.args = (str(error.args[0]).partition("\n")[0].partition(": ")[0],)


def _reset_connections() -> None:
    """In a child process, connect again: two on one connection would get each other's answers."""
    for engine in _engines:
        # SQLite must not even close what another process opened.
        _parent_pools.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_reset_connections)


def _note_idle(_raw: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info["idle_since"] = time.monotonic()


def _ensure_alive(engine: Engine, raw: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Ping a connection that has idled. SQLAlchemy's own pre-ping costs every statement a round trip."""
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


def _begin_sqlite(connection: Connection) -> None:
    # A deferred BEGIN that writes later fails with "database is locked" instead of waiting its turn.
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
