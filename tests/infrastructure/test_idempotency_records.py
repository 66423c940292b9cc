"""The idempotency key table: claiming keys, storing responses and purging expired keys."""

import hashlib
from collections.abc import Callable, Iterator
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
from tests.kit.fixtures.jobs import run_concurrently

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
DAY = 86400


class RequestFailed(Exception):
    """Raised after a key has been claimed."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def claim(key: str, seconds: int = DAY) -> Any:
    return idempotency_records.claim_key(digest(key), b"fingerprint", seconds=seconds)


def claim_and_store(key: str, body: bytes = b"first", seconds: int = DAY) -> None:
    """Claim a key and store a response for it."""
    with transaction():
        assert claim(key, seconds) is None
        idempotency_records.store_response(digest(key), 201, {"Location": ["/there"]}, body)


def expire(key: str) -> None:
    with transaction() as connection:
        statement = update(IdempotencyRecord).where(IdempotencyRecord.digest == digest(key))
        connection.execute(statement.values(expires_at=now() - timedelta(seconds=1)))


def records() -> dict[bytes, tuple[datetime, bytes]]:
    """Return the expiry time and body of each record, by digest."""
    with read() as connection:
        rows = connection.execute(select(IdempotencyRecord.__table__)).all()
    return {row.digest: (row.expires_at, row.body) for row in rows}


def test_claiming_a_used_key_returns_its_stored_response() -> None:
    claim_and_store("one")
    with transaction():
        record = claim("one")
    assert (record.status, record.headers, record.body) == (201, {"Location": ["/there"]}, b"first")
    assert record.fingerprint == b"fingerprint"


def test_record_is_found_only_by_its_digest_and_until_it_expires() -> None:
    for key in ("one", "two", "expired"):
        claim_and_store(key, key.encode(), seconds=-1 if key == "expired" else DAY)
    keys = (["two", "unknown"], ["unknown"], ["expired"], [])
    with transaction():
        found = [idempotency_records.find_record([digest(key) for key in each]) for each in keys]
    assert [record and record.body for record in found] == [b"two", None, None, None]


def test_claiming_a_used_key_returns_the_response_of_that_key() -> None:
    claim_and_store("one")
    claim_and_store("two", b"second")
    with transaction():
        assert claim("two").body == b"second"


def test_storing_a_response_changes_no_other_record() -> None:
    claim_and_store("one")
    claim_and_store("two", b"second")
    assert {body for _expires_at, body in records().values()} == {b"first", b"second"}


def test_claim_is_rolled_back_with_its_transaction() -> None:
    with suppress(RequestFailed), transaction():
        assert claim("one") is None
        raise RequestFailed
    assert records() == {}
    claim_and_store("one")


def test_expired_key_can_be_claimed_again() -> None:
    claim_and_store("one")
    expire("one")
    claim_and_store("one", b"second")
    [(expires_at, body)] = records().values()
    assert body == b"second"
    assert timedelta(seconds=DAY - 60) < expires_at - now() <= timedelta(seconds=DAY)


def test_expired_key_stays_expired_if_new_request_fails() -> None:
    claim_and_store("one")
    expire("one")
    with suppress(RequestFailed), transaction():
        assert claim("one") is None
        raise RequestFailed
    claim_and_store("one", b"second")


def test_exactly_one_of_several_concurrent_claims_succeeds(app: Flask) -> None:
    def claim_once() -> bool | None:
        try:
            with transaction():
                if claim("one") is not None:
                    return False
                idempotency_records.store_response(digest("one"), 201, {}, b"first")
                return True
        except IdempotencyKeyInUse:
            return None

    outcomes = run_concurrently(app, claim_once)
    assert outcomes.count(True) == 1
    assert len(records()) == 1


@contextmanager
def short_lock_timeout() -> Iterator[None]:
    """Run the block in a transaction that waits at most 0.1 s for a lock."""
    with transaction() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 100"))
        yield


@only_postgresql
@pytest.mark.parametrize("before", [lambda _key: None, lambda key: (claim_and_store(key), expire(key))])
def test_claiming_a_key_that_another_request_is_using_raises_key_in_use(
    app: Flask, before: Callable[[str], None]
) -> None:
    """This also applies if an expired response is still stored for the key."""
    before("one")
    with transaction():
        assert claim("one") is None
        with app.app_context(), pytest.raises(IdempotencyKeyInUse) as raised, short_lock_timeout():
            claim("one")
    assert raised.value.retry_after == 1


@only_postgresql
def test_different_keys_do_not_block_each_other(app: Flask) -> None:
    with transaction():
        assert claim("one") is None
        with app.app_context(), short_lock_timeout():
            assert claim("two") is None


@only_postgresql
def test_unrelated_lock_timeout_is_not_reported_as_key_in_use(app: Flask) -> None:
    claim_and_store("one")
    with transaction() as connection:
        connection.execute(text("LOCK TABLE organizations"))
        with app.app_context(), pytest.raises(ServiceUnavailable), short_lock_timeout():
            read_organizations_after(claim("two"))


def read_organizations_after(_claim: Any) -> None:
    idempotency_records.current_connection().execute(text("SELECT 1 FROM organizations"))


def test_purge_deletes_only_expired_keys() -> None:
    claim_and_store("live")
    for number in range(5):
        claim_and_store(f"expired {number}", seconds=-1)
    idempotency_records.purge_expired()
    assert records().keys() == {digest("live")}


@only_postgresql
def test_purge_keeps_key_that_is_reused_concurrently_and_does_not_wait_for_it(app: Flask) -> None:
    for key in ("one", "two"):
        claim_and_store(key, seconds=-1)
    with transaction():
        claim_and_store("one", b"second")
        with app.app_context(), short_lock_timeout():
            idempotency_records.purge_expired()
    assert [body for _expires_at, body in records().values()] == [b"second"]


def test_purge_does_not_stop_at_keys_that_have_not_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency_records, "_BATCH", 1)
    live, *expired = sorted(["one", "two", "three"], key=digest)
    claim_and_store(live)
    for key in expired:
        claim_and_store(key, seconds=-1)
    idempotency_records.purge_expired()
    assert records().keys() == {digest(live)}


def test_purge_deletes_one_batch_per_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    monkeypatch.setattr(idempotency_records, "_BATCH", 2)
    monkeypatch.setattr("project.infrastructure.database.transactions.transaction", count_transactions(batches))
    for number in range(5):
        claim_and_store(f"expired {number}", seconds=-1)
    idempotency_records.purge_expired()
    assert (records(), len(batches)) == ({}, 3)


def count_transactions(calls: list[int]) -> Callable[[], Any]:
    def counted_transaction() -> Any:
        calls.append(1)
        return transaction()

    return counted_transaction
