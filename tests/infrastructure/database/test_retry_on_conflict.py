"""A request whose transaction PostgreSQL ended for another's sake: done again where that is safe, and not for ever."""

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
from tests.kit.clients.api import Api, created, problem

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT, STATEMENT_TIMEOUT = "40001", "40P01", "55P03", "57014"
ALWAYS = 1000

# A sequence is not rolled back: it counts the attempts.
_FUNCTION: LiteralString = """
CREATE SEQUENCE attempts;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE attempt bigint := nextval('attempts');
BEGIN
    IF attempt BETWEEN {first} AND {last} THEN RAISE 'planted' USING ERRCODE = {sqlstate}; END IF;
    RETURN NEW;
END $$;
"""
_EACH: LiteralString = " ON {table} {when} FOR EACH ROW EXECUTE FUNCTION fail()"
_TRIGGERS: dict[str, LiteralString] = {
    "INSERT": "CREATE TRIGGER planted BEFORE INSERT" + _EACH,
    "UPDATE": "CREATE TRIGGER planted BEFORE UPDATE" + _EACH,
    "COMMIT": "CREATE CONSTRAINT TRIGGER planted AFTER INSERT" + _EACH,
}


@dataclass(frozen=True)
class Database:
    """The database, looked at and made to fail by a connection of the test's own."""

    connection: psycopg.Connection

    def fail(
        self, sqlstate: str, times: int, *, first: int = 1, table: str = "memberships", at: str = "INSERT"
    ) -> None:
        """Have those that get there, from the `first` on and so many `times`, end in `sqlstate`."""
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
    return api.signed_in()


def effects(database: Database) -> tuple[int, int]:
    return database.rows("organizations"), database.rows("memberships")


@pytest.mark.parametrize("at", ["INSERT", "COMMIT"])
@pytest.mark.parametrize("sqlstate", [SERIALIZATION_FAILURE, DEADLOCK])
@pytest.mark.parametrize("times", [1, 2])
def test_what_had_to_yield_is_done_again_with_one_effect(
    ada: Api, database: Database, times: int, sqlstate: str, at: str
) -> None:
    database.fail(sqlstate, times, at=at)
    created(ada.post("/organizations", {"name": "Engines"}))
    assert (database.attempts, effects(database)) == (times + 1, (1, 1))


@pytest.mark.parametrize("at", ["INSERT", "COMMIT"])
def test_what_has_yielded_three_times_is_unavailable_and_leaves_nothing(ada: Api, database: Database, at: str) -> None:
    database.fail(SERIALIZATION_FAILURE, ALWAYS, at=at)
    answer = ada.post("/organizations", {"name": "Engines"})
    problem(answer, 503, "service-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (database.attempts, effects(database)) == (3, (0, 0))


def test_with_a_key_the_whole_is_repeated_and_its_answer_is_kept(ada: Api, database: Database) -> None:
    database.fail(DEADLOCK, 2)
    headers = {"Idempotency-Key": str(uuid4())}
    first, again = (ada.post("/organizations", {"name": "Engines"}, headers=headers) for _ in range(2))
    assert (first.status_code, "Idempotency-Replayed" in first.headers) == (201, False)
    assert (again.json, "Idempotency-Replayed" in again.headers) == (first.json, True)
    assert (database.attempts, effects(database), database.rows("idempotency_records")) == (3, (1, 1), 1)


def test_a_key_is_free_again_after_three_attempts(ada: Api, database: Database) -> None:
    database.fail(DEADLOCK, 3)
    headers = {"Idempotency-Key": str(uuid4())}
    problem(ada.post("/organizations", {"name": "Engines"}, headers=headers), 503, "service-unavailable")
    assert database.rows("idempotency_records") == 0
    created(ada.post("/organizations", {"name": "Engines"}, headers=headers))
    assert (database.attempts, effects(database)) == (4, (1, 1))


@pytest.mark.parametrize("sqlstate", [LOCK_TIMEOUT, STATEMENT_TIMEOUT])
def test_what_has_waited_in_vain_is_not_done_again(ada: Api, database: Database, sqlstate: str) -> None:
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
    ("view", "attempts", "left"), [(two_transactions, 2, 1), (one_transaction, 4, 2)], ids=["committed", "not yet"]
)
def test_what_has_committed_something_is_not_done_again(
    app: Flask, api: Api, database: Database, view: Callable[[], str], attempts: int, left: int
) -> None:
    app.add_url_rule("/both", view_func=view, methods=["POST"], access=user)
    headers = {"Authorization": f"Bearer {api.signed_in().tokens['access_token']}"}
    database.fail(DEADLOCK, 1, first=2)
    api.client.post("/both", headers=headers)
    assert (database.attempts, effects(database)) == (attempts, (left, left))


@pytest.mark.parametrize("at", ["INSERT", "UPDATE"])
def test_an_upload_is_not_done_again_when_its_bytes_have_gone_by(ada: Api, database: Database, at: str) -> None:
    """At its first row, of which nothing is committed yet, and at the end."""
    database.fail(SERIALIZATION_FAILURE, 1, table="files", at=at)
    problem(ada.upload(), 503, "service-unavailable")
    assert (database.rows("files"), database.rows("jobs")) == (0, 0)
