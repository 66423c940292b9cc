"""Requests are retried, if this is safe, when PostgreSQL aborts their transaction due to a conflict.

Each request is attempted at most three times.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from psycopg import sql

from project.blueprints.organizations.service import create_organization
from project.config import Settings
from project.http.auth.identity import current_user_id
from project.http.routing.access import user
from project.infrastructure.database import transaction
from tests.kit.clients.api import Api, problem, success

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT, STATEMENT_TIMEOUT = "40001", "40P01", "55P03", "57014"
ALWAYS = 1000

# A sequence is not rolled back, so it also counts aborted attempts.
_FUNCTION: LiteralString = """
CREATE SEQUENCE attempts;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE attempt bigint := nextval('attempts');
BEGIN
    IF attempt BETWEEN {first} AND {last} THEN RAISE 'seeded fault' USING ERRCODE = {sqlstate}; END IF;
    RETURN NEW;
END $$;
"""
_EACH: LiteralString = " ON {table} {when} FOR EACH ROW EXECUTE FUNCTION fail()"
_TRIGGERS: dict[str, LiteralString] = {
    "INSERT": "CREATE TRIGGER seeded_fault BEFORE INSERT" + _EACH,
    "UPDATE": "CREATE TRIGGER seeded_fault BEFORE UPDATE" + _EACH,
    "COMMIT": "CREATE CONSTRAINT TRIGGER seeded_fault AFTER INSERT" + _EACH,
}


@dataclass(frozen=True)
class Database:
    """A separate connection for inspecting the database and injecting failures."""

    connection: psycopg.Connection

    def fail(
        self, sqlstate: str, times: int, *, first: int = 1, table: str = "memberships", at: str = "INSERT"
    ) -> None:
        """Make `times` consecutive attempts fail with `sqlstate`, starting with attempt number `first`."""
        when: LiteralString = "DEFERRABLE INITIALLY DEFERRED" if at == "COMMIT" else ""
        values: dict[str, Any] = {"first": first, "last": first + times - 1, "sqlstate": sqlstate}
        names: dict[str, Any] = {"table": sql.Identifier(table), "when": sql.SQL(when)}
        for statement in (_FUNCTION, _TRIGGERS[at]):
            self.connection.execute(sql.SQL(statement).format(**values, **names))

    @property
    def attempts(self) -> int:
        return self._number("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM attempts")

    def rows(self, table: str) -> int:
        return self._number(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))

    def _number(self, query: Any) -> int:
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0


@pytest.fixture
def database(settings: Settings) -> Any:
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield Database(connection)


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user()


def effects(database: Database) -> tuple[int, int]:
    return database.rows("organizations"), database.rows("memberships")


@pytest.mark.parametrize("at", ["INSERT", "COMMIT"])
@pytest.mark.parametrize("sqlstate", [SERIALIZATION_FAILURE, DEADLOCK])
@pytest.mark.parametrize("times", [1, 2])
def test_request_is_retried_after_conflict_and_takes_effect_once(
    ada: Api, database: Database, times: int, sqlstate: str, at: str
) -> None:
    database.fail(sqlstate, times, at=at)
    success(ada.post("/organizations", {"name": "Engines"}))
    assert (database.attempts, effects(database)) == (times + 1, (1, 1))


@pytest.mark.parametrize("at", ["INSERT", "COMMIT"])
def test_request_with_three_conflicts_returns_503_and_has_no_effect(ada: Api, database: Database, at: str) -> None:
    database.fail(SERIALIZATION_FAILURE, ALWAYS, at=at)
    response = ada.post("/organizations", {"name": "Engines"})
    problem(response, 503, "service-unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert (database.attempts, effects(database)) == (3, (0, 0))


def test_request_with_idempotency_key_is_retried_after_conflict_and_response_is_stored(
    ada: Api, database: Database
) -> None:
    database.fail(DEADLOCK, 2)
    headers = {"Idempotency-Key": str(uuid4())}
    first, replay = (ada.post("/organizations", {"name": "Engines"}, headers=headers) for _ in range(2))
    assert (first.status_code, "Idempotency-Replayed" in first.headers) == (201, False)
    assert (replay.json, "Idempotency-Replayed" in replay.headers) == (first.json, True)
    assert (database.attempts, effects(database), database.rows("idempotency_records")) == (3, (1, 1), 1)


def test_idempotency_key_can_be_used_again_after_three_failed_attempts(ada: Api, database: Database) -> None:
    database.fail(DEADLOCK, 3)
    headers = {"Idempotency-Key": str(uuid4())}
    problem(ada.post("/organizations", {"name": "Engines"}, headers=headers), 503, "service-unavailable")
    assert database.rows("idempotency_records") == 0
    success(ada.post("/organizations", {"name": "Engines"}, headers=headers))
    assert (database.attempts, effects(database)) == (4, (1, 1))


@pytest.mark.parametrize("sqlstate", [LOCK_TIMEOUT, STATEMENT_TIMEOUT])
def test_request_is_not_retried_after_lock_timeout_or_statement_timeout(
    ada: Api, database: Database, sqlstate: str
) -> None:
    database.fail(sqlstate, 1)
    problem(ada.post("/organizations", {"name": "Engines"}), 503, "service-unavailable")
    assert (database.attempts, effects(database)) == (1, (0, 0))


def two_transactions() -> str:
    for name in ("First", "Second"):
        create_organization(owner_id=current_user_id(), name=name, slug=None)
    return "done"


def one_transaction() -> str:
    with transaction():
        return two_transactions()


@pytest.mark.parametrize(
    ("view", "attempts", "committed_rows"),
    [(two_transactions, 2, 1), (one_transaction, 4, 2)],
    ids=["committed", "uncommitted"],
)
def test_request_is_retried_only_if_no_transaction_was_committed(
    app: Flask, api: Api, database: Database, view: Callable[[], str], attempts: int, committed_rows: int
) -> None:
    app.add_url_rule("/both", view_func=view, methods=["POST"], access=user)
    headers = {"Authorization": f"Bearer {api.as_new_user().tokens['access_token']}"}
    database.fail(DEADLOCK, 1, first=2)
    api.client.post("/both", headers=headers)
    assert (database.attempts, effects(database)) == (attempts, (committed_rows, committed_rows))


@pytest.mark.parametrize("at", ["INSERT", "UPDATE"])
def test_upload_is_not_retried_after_its_body_has_been_read(ada: Api, database: Database, at: str) -> None:
    """Covers a conflict in the first statement, before anything is committed, and a conflict in the last one."""
    jobs = database.rows("jobs")
    database.fail(SERIALIZATION_FAILURE, 1, table="files", at=at)
    problem(ada.upload(), 503, "service-unavailable")
    assert (database.rows("files"), database.rows("jobs")) == (0, jobs)
