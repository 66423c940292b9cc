"""The unit of work: `transaction()` alone commits, `read()` reads outside of one.

The session begins nothing by itself: outside `transaction()` it cannot even read.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import sleep
from typing import Any, TypeVar, cast

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, Executable, Row, inspect, select
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
# Of transactions that PostgreSQL ended for the sake of others: serialization failure and deadlock.
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
_Row = TypeVar("_Row", bound=Base)
_Result = TypeVar("_Result")


class InnerTransactionFailed(RuntimeError):
    """An inner block failed and somebody swallowed its exception: the whole must not commit."""


def init_app(app: Flask, settings: Settings) -> None:
    """Bind `app` to its database. Connects to nothing."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine.options(settings)
    db.init_app(app)
    with app.app_context():
        app.extensions["reading_engine"] = engine.configure(db.engine)


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: all of it commits at the end, or none. An inner block joins the outer.

    Raises ServiceUnavailable when the database is away, too slow or made this one yield to another.
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
    """A connection to read with: the transaction's inside one, else one that commits each statement.

    Raises ServiceUnavailable.
    """
    session = db.session()
    if session.in_transaction():
        yield session.connection()
        return
    with _report_unavailable(), cast(Engine, current_app.extensions["reading_engine"]).connect() as connection:
        yield connection


def execute_autocommit(statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    """The row that one statement wrote and returns: in the transaction that is open, else as one of its own.

    It costs a third of a transaction. No guard is asked. Raises ServiceUnavailable.
    """
    # The connection for reading commits each statement.
    with read() as connection:
        row = connection.execute(statement, values).first()
    _commits.set(_commits.get() + 1)
    return row


def retry_on_conflict(act: Callable[[], _Result], *, may_repeat: Callable[[], bool]) -> _Result:
    """What `act` returns. While PostgreSQL makes it yield to others it is done again, three times in all at most.

    Not if it has committed anything, nor if it cannot be repeated (`may_repeat`). Raises ServiceUnavailable.
    """
    commits = _commits.get()
    for attempt in range(1, _MAX_ATTEMPTS):
        try:
            return act()
        except ServiceUnavailable as error:
            if not _is_conflict(error) or _commits.get() > commits or not may_repeat():
                raise
        logger.warning("database.transaction_retried", attempt=attempt)
        # Those that met would else meet again.
        sleep(random.uniform(0, _MAX_PAUSE_SECONDS))  # noqa: S311 - jitter is no secret
    return act()


@contextmanager
def read_detached() -> Iterator[Connection]:
    """As `read()` outside of a transaction, for a thread of a process that forks: no child gets the connection.

    It is closed at the end, and forks wait for that.
    """
    with fork_lock.delay_forks(), read() as connection:
        connection.detach()
        yield connection


def ensure_reachable() -> None:
    """Raises ServiceUnavailable unless the database answers."""
    with read() as connection:
        connection.execute(select(1))


def current_session() -> Session:
    """The session of the transaction that is open; there must be one."""
    session = db.session()
    if not session.in_transaction():
        raise RuntimeError("a write outside transaction()")
    return session


def after_commit(callback: Callable[[], None]) -> None:
    """Have `callback` called once the outermost transaction has committed, and only then."""
    current_session().info["after_commit"].append(callback)


@contextmanager
def guarded(guard: Callable[[], None]) -> Iterator[None]:
    """Make `guard` the first act of each outermost transaction inside; when it raises, nothing is done."""
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


def insert_if_absent(model: type[_Row], values: Mapping[str, Any]) -> _Row | None:
    """The new row, or None where a unique constraint was in the way; the transaction goes on either way."""
    return current_session().scalars(_insert(model).values(**values).returning(model)).one_or_none()


def insert_missing(model: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert each of `rows` for which no unique constraint is in the way; how many it were."""
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
        # PostgreSQL may end a connection with any kind of error: its time-out of idle transactions is "internal".
        if isinstance(error, _UNREACHABLE) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise ServiceUnavailable(retry_after=_RETRY_AFTER_SECONDS) from error
        raise
