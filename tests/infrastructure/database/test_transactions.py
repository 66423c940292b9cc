"""Transactions: atomicity, nesting, callbacks after commit, guards and conflicts."""

# ruff: noqa: PT012 - `pytest.raises` must enclose the whole transaction

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from traceback import format_exception
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError, ResourceClosedError

from project.blueprints.organizations.models import Organization
from project.infrastructure import jobs
from project.infrastructure.database import (
    InnerTransactionFailed,
    after_commit,
    db,
    guarded,
    insert_if_absent,
    read,
    transaction,
)
from project.infrastructure.database.models import new_id


class WorkFailed(Exception):
    """Raised in the middle of a transaction."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def add(slug: str) -> Any:
    values = {"id": new_id(), "name": slug, "slug": slug}
    return insert_if_absent(Organization, values, returning=[Organization.slug])


def slugs() -> list[str]:
    with read() as connection:
        return list(connection.scalars(select(Organization.slug).order_by(Organization.slug)))


def committed_slugs(app: Flask) -> list[str]:
    """Return the slugs that a concurrent request would see."""
    with app.app_context():
        return slugs()


def test_completed_transaction_is_committed(app: Flask) -> None:
    with transaction():
        add("one")
        assert committed_slugs(app) == []
    assert committed_slugs(app) == ["one"]


INSERT_ROW = "INSERT INTO organizations (id, name, slug) VALUES ('01a20472-de38-71e6-9445-d8d74c06d560', :secret, NULL)"
SECRET_VALUE = "seven unlikely herons"
CAST_TO_INT = "SELECT CAST(:secret AS int)"


@pytest.mark.parametrize(
    ("database_url", "statement"),
    [("sqlite", INSERT_ROW), ("postgresql", INSERT_ROW), ("postgresql", CAST_TO_INT)],
    indirect=["database_url"],
)
def test_error_message_does_not_contain_rejected_values(statement: str) -> None:
    with pytest.raises(DBAPIError) as raised, transaction() as connection:
        connection.execute(text(statement), {"secret": SECRET_VALUE})
    message = "".join(format_exception(raised.value))
    assert statement.partition(":")[0] in message
    assert SECRET_VALUE not in message


def test_failed_transaction_is_rolled_back(app: Flask) -> None:
    with pytest.raises(WorkFailed), transaction():
        add("one")
        raise WorkFailed
    assert committed_slugs(app) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_transaction_with_failed_statement_is_not_committed_even_if_error_is_caught(app: Flask) -> None:
    """PostgreSQL responds to the `COMMIT` with a rollback, but without an error."""
    committed: list[bool] = []
    with pytest.raises(DBAPIError, match="cannot commit"), transaction() as connection:
        add("one")
        after_commit(lambda: committed.append(True))
        with suppress(DBAPIError):
            connection.execute(text("SELECT 1 / 0"))
    assert committed_slugs(app) == []
    assert not committed


def test_failed_begin_closes_the_connection(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise, its next statements would be committed one by one."""
    with db.engine.connect() as connection:
        with monkeypatch.context() as patch:
            patch.setattr(connection, "exec_driver_sql", lambda _statement: _fail())
            with pytest.raises(WorkFailed):
                connection.execute(text("SELECT 1"))
        with pytest.raises(ResourceClosedError):
            connection.execute(text("SELECT 1"))


def test_session_query_outside_transaction_raises_error() -> None:
    with pytest.raises(InvalidRequestError, match="Autobegin is disabled"):
        db.session.execute(select(Organization.slug))


def test_write_outside_transaction_raises_error(app: Flask) -> None:
    for write in (lambda: add("one"), lambda: jobs.enqueue("a.job"), lambda: after_commit(list)):
        with pytest.raises(RuntimeError, match="cannot write outside transaction"):
            write()
    with pytest.raises(InvalidRequestError, match="Autobegin is disabled"):
        db.session.add(Organization(name="one", slug="one"))
    assert committed_slugs(app) == []


def test_returned_row_can_be_read_after_transaction_ends() -> None:
    with transaction():
        organization = add("one")
    assert organization.slug == "one"


def test_inner_transaction_is_committed_with_outer_transaction(app: Flask) -> None:
    with transaction():
        with transaction():
            add("inner")
        assert committed_slugs(app) == []
    assert committed_slugs(app) == ["inner"]


def test_inner_transaction_is_rolled_back_with_outer_transaction(app: Flask) -> None:
    with pytest.raises(WorkFailed), transaction():
        with transaction():
            add("inner")
        raise WorkFailed
    assert committed_slugs(app) == []


def test_failed_inner_transaction_prevents_commit_even_if_error_is_caught(app: Flask) -> None:
    with pytest.raises(InnerTransactionFailed), transaction():
        add("outer")
        with suppress(WorkFailed), transaction():
            add("inner")
            raise WorkFailed
    assert committed_slugs(app) == []


def test_failed_transaction_does_not_affect_next_transaction(app: Flask) -> None:
    for _ in range(2):
        with suppress(InnerTransactionFailed), transaction(), suppress(WorkFailed), transaction():
            raise WorkFailed
    with transaction():
        add("one")
    assert committed_slugs(app) == ["one"]


def test_callbacks_run_once_after_outermost_transaction_commits(app: Flask) -> None:
    seen: list[list[str]] = []
    with transaction():
        with transaction():
            add("inner")
            after_commit(lambda: seen.append(committed_slugs(app)))
        assert seen == []
    with transaction():
        add("later")
    assert seen == [["inner"]]


def test_callbacks_do_not_run_after_rollback() -> None:
    called: list[int] = []
    with suppress(WorkFailed), transaction():
        after_commit(lambda: called.append(1))
        raise WorkFailed
    with suppress(InnerTransactionFailed), transaction(), suppress(WorkFailed), transaction():
        after_commit(lambda: called.append(2))
        raise WorkFailed
    with transaction():
        add("one")
    assert called == []


def test_read_outside_transaction_sees_only_committed_rows_and_does_not_wait(app: Flask) -> None:
    with transaction():
        add("one")
    with transaction():
        add("two")
        assert committed_slugs(app) == ["one"]


def test_open_read_does_not_block_writer(app: Flask) -> None:
    with read() as connection:
        assert connection.scalar(select(func.count()).select_from(Organization)) == 0
        with app.app_context(), transaction():
            add("one")
        assert connection.scalar(select(func.count()).select_from(Organization)) == 1


def test_read_inside_transaction_sees_rows_written_by_that_transaction() -> None:
    with transaction():
        add("one")
        assert slugs() == ["one"]


def test_read_inside_transaction_does_not_commit_the_transaction(app: Flask) -> None:
    with suppress(WorkFailed), transaction():
        add("one")
        assert slugs() == ["one"]
        raise WorkFailed
    assert committed_slugs(app) == []


def test_conflicting_insert_returns_none_and_transaction_continues(app: Flask) -> None:
    with transaction():
        first = add("taken")
        assert add("taken") is None
        assert slugs() == ["taken"]
        add("free")
    assert committed_slugs(app) == ["free", "taken"]
    assert first.slug == "taken"


def test_insert_that_conflicts_with_committed_row_returns_none(app: Flask) -> None:
    with app.app_context(), transaction():
        add("taken")
    with transaction():
        assert add("taken") is None
        add("free")
    assert committed_slugs(app) == ["free", "taken"]


def test_transaction_guard_runs_at_the_start_of_each_outermost_transaction() -> None:
    seen: list[list[str]] = []
    with guarded(lambda: seen.append(slugs())):
        with transaction():
            add("one")
            with transaction():
                add("two")
        with transaction():
            add("three")
    assert seen == [[], ["one", "two"]]


@contextmanager
def failing_guard() -> Iterator[None]:
    with guarded(_fail):
        yield


def _fail() -> None:
    raise WorkFailed


@pytest.mark.parametrize("work", [lambda: None, lambda: add("one")])
def test_failing_transaction_guard_causes_rollback(app: Flask, work: Callable[[], Any]) -> None:
    called: list[int] = []
    with failing_guard(), pytest.raises(WorkFailed), transaction():
        work()
        after_commit(lambda: called.append(1))
    assert (committed_slugs(app), called) == ([], [])


def test_transaction_guard_is_removed_at_the_end_of_its_with_block(app: Flask) -> None:
    with failing_guard(), suppress(WorkFailed), transaction():
        add("one")
    with transaction():
        add("two")
    assert committed_slugs(app) == ["two"]
