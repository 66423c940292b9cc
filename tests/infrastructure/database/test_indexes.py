"""Indexes that migrations create on PostgreSQL: an interrupted build can be repeated, and writes are not blocked."""

from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from project.infrastructure.database import db
from project.infrastructure.database.indexes import create_index, drop_index
from project.infrastructure.database.models import new_id
from tests.kit.servers.process import eventually

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
NAME, TABLE = "uq_organizations_name", "organizations"
_INSERT = text(
    "INSERT INTO organizations (id, name, slug, created_at, updated_at) VALUES (:id, 'Ada', :slug, now(), now())"
)
_VALIDITY = text(f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{NAME}')")
_IS_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE%' "
    "AND wait_event_type = 'Lock'"
)


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def migrate(step: Callable[[], None]) -> None:
    """Run `step` as a migration."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context), context.begin_transaction():
            step()


def insert(slug: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        connection.execute(_INSERT, {"id": new_id(), "slug": slug})


def validity() -> list[bool]:
    """Return whether the index is valid, or an empty list if it does not exist."""
    with db.engine.connect() as connection:
        return list(connection.scalars(_VALIDITY))


def test_invalid_index_of_a_failed_build_is_replaced() -> None:
    insert("one")
    insert("two")
    with pytest.raises(IntegrityError):
        migrate(lambda: create_index(NAME, TABLE, ["name"], unique=True))
    assert validity() == [False]
    migrate(lambda: create_index(NAME, TABLE, ["slug"], unique=True))
    assert validity() == [True]


def test_dropping_an_index_twice_is_harmless() -> None:
    migrate(lambda: create_index(NAME, TABLE, ["name"]))
    for _ in range(2):
        migrate(lambda: drop_index(NAME, TABLE))
        assert validity() == []


def test_rows_can_be_written_while_an_index_is_created(app: Flask) -> None:
    def build() -> None:
        with app.app_context():
            migrate(lambda: create_index(NAME, TABLE, ["name"]))

    def is_waiting() -> bool:
        with db.engine.connect() as connection:
            return connection.scalar(_IS_WAITING) == 1

    builder = Thread(target=build)
    with db.engine.begin() as open_transaction:
        open_transaction.execute(_INSERT, {"id": new_id(), "slug": "one"})
        builder.start()
        eventually(is_waiting)
        insert("two")
    builder.join()
    assert validity() == [True]
