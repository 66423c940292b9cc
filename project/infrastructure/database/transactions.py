"""The unit of work: only `transaction()` and `execute_autocommit()` commit.

`read()` works inside and outside a transaction. Sessions of the ORM are not used: they would add a fifth to the cost of
a write. `db.session` never begins a transaction implicitly, so it can neither write nor read.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from time import sleep
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ColumnElement, Connection, Engine, Executable, Result, Row, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import InstrumentedAttribute

from project.config import Settings
from project.errors import ServiceUnavailable
from project.infrastructure.database import engine
from project.infrastructure.database.models import Base
from project.infrastructure.logging import logger

_RETRY_AFTER_SECONDS = 2
_UNREACHABLE = (OperationalError, InterfaceError, PoolTimeout)
# SQLSTATEs with which PostgreSQL aborts one of several conflicting transactions: serialization failure, deadlock.
_CONFLICTS = {"40001", "40P01"}
_MAX_ATTEMPTS = 3
_MAX_PAUSE_SECONDS = 0.1

db = SQLAlchemy(
    metadata=Base.metadata,
    disable_autonaming=True,
    session_options={"autobegin": False},
)
_guard: ContextVar[Callable[[], None] | None] = ContextVar("guard", default=None)
_commits: ContextVar[int] = ContextVar("commits", default=0)
_Column = ColumnElement[Any] | InstrumentedAttribute[Any]
_Result = TypeVar("_Result")


@dataclass(slots=True)
class _Transaction:
    connection: Connection
    failed: bool = False
    after_commit: list[Callable[[], None]] = field(default_factory=list)


class InnerTransactionFailed(RuntimeError):
    """An inner `transaction()` failed and its exception was caught, so the outer one must not commit."""


def init_app(app: Flask, settings: Settings) -> None:
    """Configure the database of `app`. Does not connect."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine.options(settings)
    db.init_app(app)
    with app.app_context():
        app.extensions["reading_engine"] = engine.configure(db.engine)


@contextmanager
def transaction() -> Iterator[Connection]:
    """Commit the work of the block at its end, or roll all of it back. An inner block joins the outer transaction.

    Raises ServiceUnavailable if the database is down or too slow, or aborted this transaction in favor of another.
    """
    if outer := _find_transaction():
        with _join(outer):
            yield outer.connection
        return
    with _report_unavailable(), db.engine.begin() as connection, _opened(connection) as opened:
        if guard := _guard.get():
            guard()
        yield connection
        if opened.failed:
            raise InnerTransactionFailed
    _commits.set(_commits.get() + 1)
    for callback in opened.after_commit:
        callback()


@contextmanager
def read() -> Iterator[Connection]:
    """Yield a connection for reads: that of the open transaction or, if there is none, one in autocommit mode.

    Raises ServiceUnavailable.
    """
    if opened := _find_transaction():
        yield opened.connection
        return
    with _report_unavailable(), cast(Engine, current_app.extensions["reading_engine"]).connect() as connection:
        yield connection


def execute_autocommit(statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    """Execute a single write statement and return its first row, or None. Raises ServiceUnavailable.

    The statement runs in the open transaction or, if there is none, in autocommit mode, which costs a third as much as
    a transaction. Guards are not called.
    """
    # Outside a transaction, the connection from `read()` commits each statement.
    with read() as connection:
        row = connection.execute(statement, values).first()
    _commits.set(_commits.get() + 1)
    return row


def in_batches(run_batch: Callable[[int], int], size: int) -> None:
    """Call `run_batch(size)`, each time in its own transaction, until it changes fewer than `size` rows."""
    changed = size
    while changed == size:
        with transaction():
            changed = run_batch(size)


def retry_on_conflict(work: Callable[[], _Result], *, may_repeat: Callable[[], bool]) -> _Result:
    """Call `work` and return its result. Retries it if PostgreSQL aborts its transaction: three attempts in total.

    `work` is not retried if it has committed anything, or if `may_repeat` returns False. Raises ServiceUnavailable.
    """
    commits = _commits.get()
    for attempt in range(1, _MAX_ATTEMPTS):
        try:
            return work()
        except ServiceUnavailable as error:
            if not _is_conflict(error) or _commits.get() > commits or not may_repeat():
                raise
        logger.warning("database.transaction_retried", attempt=attempt)
        # Without jitter, the conflicting transactions would collide again.
        sleep(random.uniform(0, _MAX_PAUSE_SECONDS))  # noqa: S311 - jitter is no secret
    return work()


def ensure_reachable() -> None:
    """Raise ServiceUnavailable unless the database responds to a query."""
    with read() as connection:
        connection.execute(select(1))


def current_connection() -> Connection:
    """Return the connection of the open transaction. Raises RuntimeError if there is none."""
    return _current_transaction().connection


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` after the outermost transaction has committed, and only then."""
    _current_transaction().after_commit.append(callback)


@contextmanager
def guarded(guard: Callable[[], None]) -> Iterator[None]:
    """Call `guard` at the start of each outermost transaction in the block.

    If `guard` raises, the transaction is rolled back and its block does not run.
    """
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


def insert_if_absent(
    model: type[Base], values: Mapping[str, Any], *, returning: Sequence[_Column] = ()
) -> Row[Any] | None:
    """Insert a row and return the columns in `returning`, by default its primary key.

    Returns `None` if a unique constraint rejects the row. The transaction remains usable either way.
    """
    return _insert(model, values, returning).one_or_none()


def insert_missing(model: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert `rows`, skipping those that violate a unique constraint. Returns the number of inserted rows."""
    if not rows:
        return 0
    return len(_insert(model, rows, ()).all())


def _insert(model: type[Base], values: Any, returning: Sequence[_Column]) -> Result[Any]:
    connection = current_connection()
    return connection.execute(_insert_statement(model, tuple(returning), connection.dialect.name), values)


# Cached, because to build a statement costs more than to execute it.
@lru_cache(maxsize=256)
def _insert_statement(model: type[Base], returning: tuple[_Column, ...], dialect_name: str) -> Any:
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    statement = dialect.insert(model.__table__).on_conflict_do_nothing()
    return statement.returning(*returning or inspect(model).primary_key)


@contextmanager
def _opened(connection: Connection) -> Iterator[_Transaction]:
    g.transaction = _Transaction(connection)
    try:
        yield g.transaction
    finally:
        del g.transaction


@contextmanager
def _join(outer: _Transaction) -> Iterator[None]:
    try:
        yield
    except BaseException:
        outer.failed = True
        raise


def _find_transaction() -> _Transaction | None:
    """Return the open transaction of this application context, or None."""
    return cast(_Transaction | None, g.get("transaction"))


def _current_transaction() -> _Transaction:
    if opened := _find_transaction():
        return opened
    raise RuntimeError("cannot write outside transaction()")


def _is_conflict(error: ServiceUnavailable) -> bool:
    return isinstance(error.__cause__, DBAPIError) and getattr(error.__cause__.orig, "sqlstate", None) in _CONFLICTS


@contextmanager
def _report_unavailable() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        # PostgreSQL may close a connection with any class of error. For example, its timeout for idle transactions
        # raises an InternalError.
        if isinstance(error, _UNREACHABLE) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise ServiceUnavailable(retry_after=_RETRY_AFTER_SECONDS) from error
        raise
