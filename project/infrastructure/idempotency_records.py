"""The table of idempotency keys. A key is claimed, and its response stored, in the transaction of the request.

On PostgreSQL, a concurrent duplicate waits until the first request ends, but no longer than `lock_timeout`. At most
half of a process's threads wait at a time. On SQLite, it waits for the write lock, like any other transaction.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy import BigInteger, Index, Row, Table, bindparam, delete, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from project.config import Settings
from project.errors import Conflict
from project.infrastructure.clock import now
from project.infrastructure.database import current_connection, in_batches, lock_batch
from project.infrastructure.database.models import Base, UtcDateTime

_LOCK_NOT_AVAILABLE = "55P03"
_RETRY_AFTER_SECONDS = 1
_BATCH = 1000


class IdempotencyKeyInUse(Conflict):
    """The first request with this idempotency key is still in progress."""

    code = "idempotency-key-in-use"
    title = "Idempotency key in use"
    remedy = "Retry the same request with the same key after the number of seconds in `Retry-After`."


class IdempotencyRecord(Base):
    """A digest of an idempotency key and its scope, with the stored response. `fingerprint` is a MAC of the request."""

    __tablename__ = "idempotency_records"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    expires_at: Mapped[datetime]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]


_TABLE = cast(Table, IdempotencyRecord.__table__)


def _claim_statement(dialect: Any, is_free: Any) -> Any:
    """Return a statement that inserts a key, or replaces it if it has expired, unless another transaction holds it.

    `is_free` is the condition that no other transaction holds the key.
    """
    values = [bindparam("digest"), bindparam("fingerprint"), bindparam("expires_at", type_=UtcDateTime())]
    names = ["digest", "fingerprint", "expires_at"]
    insert = dialect.insert(_TABLE).from_select(names, select(*values).where(is_free))
    return insert.on_conflict_do_update(
        index_elements=[IdempotencyRecord.digest],
        set_={name: insert.excluded[name] for name in names},
        where=IdempotencyRecord.expires_at <= bindparam("at", type_=UtcDateTime()),
    ).returning(IdempotencyRecord.digest)


_LOCK = bindparam("lock", type_=BigInteger)
_CLAIM = {
    "postgresql": _claim_statement(postgresql, func.pg_try_advisory_xact_lock(_LOCK)),
    "sqlite": _claim_statement(sqlite, true()),
}
_WAIT_FOR_LOCK = select(func.pg_advisory_xact_lock(_LOCK))
_RECORD = select(_TABLE).where(
    IdempotencyRecord.digest == bindparam("digest"),
    IdempotencyRecord.expires_at > bindparam("at", type_=UtcDateTime()),
)
_STORE = (
    update(_TABLE)
    .where(IdempotencyRecord.digest == bindparam("claimed"))
    .values({name: bindparam(name) for name in ("status", "headers", "body")})
)


def init_app(app: Flask, settings: Settings) -> None:
    """Limit the number of duplicates that may wait at the same time to half of this process's threads."""
    app.extensions["idempotency_waiters"] = BoundedSemaphore(settings.web_threads // 2)


def claim_key(digest: bytes, fingerprint: bytes, *, seconds: int) -> Row[Any] | None:
    """Claim a key for `seconds` and return None, or return its record if a response is stored.

    Must be the first statement of a transaction. Raises IdempotencyKeyInUse if the first request with the key is still
    in progress after the wait.
    """
    at = now()
    values = {
        "digest": digest,
        "fingerprint": fingerprint,
        "expires_at": at + timedelta(seconds=seconds),
        "at": at,
        "lock": int.from_bytes(digest[:8], signed=True),
    }
    connection = current_connection()
    statement = _CLAIM[connection.dialect.name]
    if connection.execute(statement, values).first() is not None:
        return None
    record = connection.execute(_RECORD, values).one_or_none()
    if record is None:  # another request holds the key
        _wait_for_first_request(values)
        return claim_key(digest, fingerprint, seconds=seconds)
    return record


def find_record(digests: Collection[bytes]) -> Row[Any] | None:
    """Return an unexpired record with one of `digests`, or None."""
    if not digests:
        return None
    statement = select(_TABLE).where(IdempotencyRecord.digest.in_(digests), IdempotencyRecord.expires_at > now())
    return current_connection().execute(statement).first()


def store_response(digest: bytes, status: int, headers: dict[str, list[str]], body: bytes) -> None:
    """Store the response to the request that claimed the key."""
    values = {"claimed": digest, "status": status, "headers": headers, "body": body}
    current_connection().execute(_STORE, values)


def purge_expired() -> None:
    """Delete expired keys, one batch per transaction, except those that a request is claiming again."""
    expired = select(IdempotencyRecord.digest).where(IdempotencyRecord.expires_at <= now())

    def purge(limit: int) -> int:
        statement = delete(IdempotencyRecord).where(IdempotencyRecord.digest.in_(lock_batch(expired.limit(limit))))
        return len(current_connection().execute(statement.returning(IdempotencyRecord.digest)).all())

    in_batches(purge, _BATCH)


def _wait_for_first_request(values: dict[str, Any]) -> None:
    with _waiter_slot():
        try:
            current_connection().execute(_WAIT_FOR_LOCK, values)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise IdempotencyKeyInUse(retry_after=_RETRY_AFTER_SECONDS) from error
            raise


@contextmanager
def _waiter_slot() -> Iterator[None]:
    waiters = cast(BoundedSemaphore, current_app.extensions["idempotency_waiters"])
    if not waiters.acquire(blocking=False):
        raise IdempotencyKeyInUse(retry_after=_RETRY_AFTER_SECONDS)
    try:
        yield
    finally:
        waiters.release()
