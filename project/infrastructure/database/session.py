"""The unit of work: only `transaction()` commits; `read()` works inside and outside of a transaction.

The session never begins a transaction implicitly, so outside `transaction()` it can neither write nor read.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import sleep
from typing import Any, TypeVar, cast

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ColumnElement, Connection, Engine, Executable, Row, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from project.config import Settings
from project.errors import ServiceUnavailable
from project.infrastructure.database import engine, fork_lock
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
    session_options={"autobegin": False, "expire_on_commit": False},
)
_guard: ContextVar[Callable[[], None] | None] = ContextVar("guard", default=None)
_commits: ContextVar[int] = ContextVar("commits", default=0)
_Result = TypeVar("_Result")


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
def transaction() -> Iterator[Session]:
    """Commit the block's work at its end, or roll all of it back. An inner block joins the outer one.

    Raises ServiceUnavailable if the database is down, too slow, or aborted this transaction in favor of another.
    """
    session = db.session()
    if session.in_transaction():
        with _join(session):
            yield session
        return
    session.info.update(failed=False, after_commit=[])
    with _report_unavailable(), session.begin():
        if guard := _guard.get():
            guard()
        yield session
        if session.info["failed"]:
            raise InnerTransactionFailed
    _commits.set(_commits.get() + 1)
    for callback in session.info["after_commit"]:
        callback()


@contextmanager
def read() -> Iterator[Connection]:
    """Yield a connection for reading: that of the open transaction, otherwise one in autocommit mode.

    Raises ServiceUnavailable.
    """
    session = db.session()
    if session.in_transaction():
        yield session.connection()
        return
    with _report_unavailable(), cast(Engine, current_app.extensions["reading_engine"]).connect() as connection:
        yield connection


def execute_autocommit(statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    """Execute a single writing statement and return its row, or None. Raises ServiceUnavailable.

    It runs in the open transaction, otherwise in autocommit mode, at a third of the cost of a transaction. Guards are
    not called.
    """
    # Outside of a transaction, the connection from `read()` commits each statement.
    with read() as connection:
        row = connection.execute(statement, values).first()
    _commits.set(_commits.get() + 1)
    return row


def retry_on_conflict(work: Callable[[], _Result], *, may_repeat: Callable[[], bool]) -> _Result:
    """Call `work` and return its result. If PostgreSQL aborts its transaction, call it again: at most three attempts.

    It is not retried if it has committed anything, or if `may_repeat` returns False. Raises ServiceUnavailable.
    """
    commits = _commits.get()
    for attempt in range(1, _MAX_ATTEMPTS):
        try:
            return work()
        except ServiceUnavailable as error:
            if not _is_conflict(error) or _commits.get() > commits or not may_repeat():
                raise
        logger.warning("database.transaction_retried", attempt=attempt)
        # Without a random pause, the conflicting transactions would meet again.
        sleep(random.uniform(0, _MAX_PAUSE_SECONDS))  # noqa: S311 - jitter is no secret
    return work()


@contextmanager
def read_detached() -> Iterator[Connection]:
    """Like `read()` outside of a transaction, for a thread of a process that forks: no child inherits the connection.

    The connection is closed at the end of the block, and forks are delayed until then.
    """
    with fork_lock.delay_forks(), read() as connection:
        connection.detach()
        yield connection


def ensure_reachable() -> None:
    """Raise ServiceUnavailable unless the database responds to a query."""
    with read() as connection:
        connection.execute(select(1))


def current_session() -> Session:
    """Return the session of the open transaction. Raises RuntimeError if there is none."""
    session = db.session()
    if not session.in_transaction():
        raise RuntimeError("a write outside transaction()")
    return session


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` after the outermost transaction has committed, and only then."""
    current_session().info["after_commit"].append(callback)


@contextmanager
def guarded(guard: Callable[[], None]) -> Iterator[None]:
    """Call `guard` at the start of each outermost transaction in the block.

    If it raises, the transaction is rolled back without running its block.
    """
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


def insert_if_absent(
    model: type[Base], values: Mapping[str, Any], *, returning: Sequence[ColumnElement[Any]] = ()
) -> Row[Any] | None:
    """Insert a row and return its columns `returning`, by default its primary key.

    Returns `None` if a unique constraint rejects the row. The transaction remains usable either way.
    """
    columns = returning or inspect(model).primary_key
    return current_session().execute(_insert(model).values(**values).returning(*columns)).one_or_none()


def insert_missing(model: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert `rows`, skipping those with a unique conflict. Returns the number of inserted rows."""
    if not rows:
        return 0
    return len(current_session().execute(_insert(model).returning(*inspect(model).primary_key), rows).all())


def _insert(model: type[Base]) -> Any:
    dialect = postgresql if current_session().get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(model).on_conflict_do_nothing()


@contextmanager
def _join(session: Session) -> Iterator[None]:
    try:
        yield
    except BaseException:
        session.info["failed"] = True
        raise


def _is_conflict(error: ServiceUnavailable) -> bool:
    return isinstance(error.__cause__, DBAPIError) and getattr(error.__cause__.orig, "sqlstate", None) in _CONFLICTS


@contextmanager
def _report_unavailable() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        # PostgreSQL may close a connection with any class of error: its idle transaction timeout is an InternalError.
        if isinstance(error, _UNREACHABLE) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise ServiceUnavailable(retry_after=_RETRY_AFTER_SECONDS) from error
        raise
