"""Two requests lock the same rows in opposite order: both succeed, and each takes effect once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest

from project.config import Settings
from tests.kit.clients.api import Api, success
from tests.kit.faults.pause_points import pause_at, wait_for_count
from tests.races.keyed_requests import idempotency_headers
from tests.races.service import unique

# Inserting an organization updates two counters, in an order that depends on its name, and pauses in between.
_COUNTERS: LiteralString = """
CREATE TABLE counters (id int PRIMARY KEY, number int NOT NULL);
CREATE SEQUENCE attempts;
INSERT INTO counters VALUES (1, 0), (2, 0);
CREATE FUNCTION count_twice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE first int := CASE WHEN NEW.name LIKE 'Left%' THEN 1 ELSE 2 END;
BEGIN
    PERFORM nextval('attempts');
    UPDATE counters SET number = number + 1 WHERE id = first;
    PERFORM pg_advisory_xact_lock_shared(47, 11);
    UPDATE counters SET number = number + 1 WHERE id = 3 - first;
    RETURN NEW;
END $$;
CREATE TRIGGER count_twice BEFORE INSERT ON organizations FOR EACH ROW EXECUTE FUNCTION count_twice();
"""
_CLEANUP: LiteralString = "DROP FUNCTION count_twice CASCADE; DROP TABLE counters; DROP SEQUENCE attempts"


@pytest.fixture
def database(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_COUNTERS)
        try:
            yield connection
        finally:
            connection.execute(_CLEANUP)


@pytest.mark.parametrize("with_key", [False, True], ids=["without-key", "with-key"])
def test_two_deadlocked_requests_both_succeed_and_each_takes_effect_once(
    api: Api, settings: Settings, database: psycopg.Connection, with_key: bool
) -> None:
    owner = api.as_new_user(f"{unique('owner')}@example.com")
    headers = [idempotency_headers(str(uuid4())) if with_key else {} for _ in range(2)]
    names = [unique("Left"), unique("Right")]
    actions = [partial(owner.post, "/organizations", {"name": names[i]}, headers=headers[i]) for i in range(2)]
    with ThreadPoolExecutor(2) as pool, pause_at(settings.database_url, "store-response") as point:
        futures = [pool.submit(action) for action in actions]
        wait_for_count(2, point.count_paused)
        point.release()
        responses = [future.result() for future in futures]
    assert sorted(success(response)["name"] for response in responses) == sorted(names)
    assert database.execute("SELECT number FROM counters").fetchall() == [(2,), (2,)]
    assert database.execute("SELECT last_value FROM attempts").fetchone() == (3,)
    assert len(success(owner.get("/organizations"))["items"]) == 2
