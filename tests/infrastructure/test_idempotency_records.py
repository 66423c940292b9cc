"""The table of idempotency keys: claimed, answered and forgotten."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from project.errors import ServiceUnavailable
from project.infrastructure import idempotency_records
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from project.infrastructure.idempotency_records import IdempotencyKeyInUse, IdempotencyRecord
from tests.kit.faults.pause_points import wait_for
from tests.kit.fixtures.jobs import run_concurrently

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
DAY = 86400


class Mishap(Exception):
    """What goes wrong in the middle of the work."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def claim(key: str, seconds: int = DAY) -> Any:
    return idempotency_records.claim_key(digest(key), b"fingerprint", seconds=seconds)


def answered(key: str, body: bytes = b"first", seconds: int = DAY) -> None:
    """Claim a key and keep an answer for it."""
    with transaction():
        assert claim(key, seconds) is None
        idempotency_records.store_response(digest(key), 201, {"Location": ["/there"]}, body)


def let_expire(key: str) -> None:
    with transaction() as session:
        mine = update(IdempotencyRecord).where(IdempotencyRecord.digest == digest(key))
        session.execute(mine.values(expires_at=now() - timedelta(seconds=1)))


def kept() -> dict[bytes, tuple[datetime, bytes]]:
    """When each record expires, and the body it holds."""
    with read() as connection:
        rows = connection.execute(select(IdempotencyRecord.__table__)).all()
    return {row.digest: (row.expires_at, row.body) for row in rows}


def test_a_new_key_is_claimed_and_then_has_its_answer() -> None:
    answered("one")
    with transaction():
        record = claim("one")
    assert (record.status, record.headers, record.body) == (201, {"Location": ["/there"]}, b"first")
    assert record.fingerprint == b"fingerprint"


def test_a_claim_falls_with_its_transaction() -> None:
    with suppress(Mishap), transaction():
        assert claim("one") is None
        raise Mishap
    assert kept() == {}
    answered("one")


def test_a_key_is_free_again_when_its_life_is_over() -> None:
    answered("one")
    let_expire("one")
    answered("one", b"second")
    [(expires_at, body)] = kept().values()
    assert body == b"second"
    assert timedelta(seconds=DAY - 60) < expires_at - now() <= timedelta(seconds=DAY)


def test_a_key_whose_new_request_fails_has_still_expired() -> None:
    answered("one")
    let_expire("one")
    with suppress(Mishap), transaction():
        assert claim("one") is None
        raise Mishap
    answered("one", b"second")


def test_of_eight_claims_at_once_one_is_made(app: Flask) -> None:
    def act() -> bool | None:
        try:
            with transaction():
                if claim("one") is not None:
                    return False
                idempotency_records.store_response(digest("one"), 201, {}, b"first")
                return True
        except IdempotencyKeyInUse:
            return None

    outcomes = run_concurrently(app, act)
    assert outcomes.count(True) == 1
    assert len(kept()) == 1


@contextmanager
def impatient() -> Iterator[None]:
    """A transaction that waits for locks a tenth of a second."""
    with transaction() as session:
        session.execute(text("SET LOCAL lock_timeout = 100"))
        yield


@only_postgresql
@pytest.mark.parametrize("before", [lambda _key: None, lambda key: (answered(key), let_expire(key))])
def test_a_key_that_is_being_worked_on_is_in_use(app: Flask, before: Callable[[str], None]) -> None:
    """Also when an expired answer is still there: it is no longer anybody's."""
    before("one")
    with transaction():
        assert claim("one") is None
        with app.app_context(), pytest.raises(IdempotencyKeyInUse) as refusal, impatient():
            claim("one")
    assert refusal.value.retry_after == 1


@only_postgresql
def test_keys_do_not_wait_for_each_other(app: Flask) -> None:
    with transaction():
        assert claim("one") is None
        with app.app_context(), impatient():
            assert claim("two") is None


@only_postgresql
def test_a_lock_that_a_request_waits_for_in_vain_is_no_key_in_use(app: Flask) -> None:
    answered("one")
    with transaction() as session:
        session.execute(text("LOCK TABLE organizations"))
        with app.app_context(), pytest.raises(ServiceUnavailable), impatient():
            read_organizations_after(claim("two"))


def read_organizations_after(_claim: Any) -> None:
    idempotency_records.current_session().execute(text("SELECT 1 FROM organizations"))


def test_the_sweep_forgets_what_has_expired_and_nothing_else() -> None:
    answered("live")
    for number in range(5):
        answered(f"dead {number}", seconds=-1)
    idempotency_records.purge_expired()
    assert kept().keys() == {digest("live")}


def sweep_in(app: Flask) -> None:
    with app.app_context():
        idempotency_records.purge_expired()


@only_postgresql
def test_the_sweep_spares_a_key_that_is_used_again_meanwhile(app: Flask) -> None:
    answered("one")
    let_expire("one")
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            assert claim("one") is None
            idempotency_records.store_response(digest("one"), 201, {}, b"second")
            swept = pool.submit(sweep_in, app)
            wait_for(1, lambda: session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) or 0)
        swept.result()
    assert [body for _expires_at, body in kept().values()] == [b"second"]


def test_the_sweep_takes_a_batch_in_each_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    monkeypatch.setattr(idempotency_records, "_BATCH", 2)
    monkeypatch.setattr(idempotency_records, "transaction", counting(batches))
    for number in range(5):
        answered(f"dead {number}", seconds=-1)
    idempotency_records.purge_expired()
    assert (kept(), len(batches)) == ({}, 3)


def counting(calls: list[int]) -> Callable[[], Any]:
    def counted() -> Any:
        calls.append(1)
        return transaction()

    return counted
