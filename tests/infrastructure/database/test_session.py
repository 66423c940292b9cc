"""The unit of work: all or nothing, nothing outside of it, and what stands around it."""

# ruff: noqa: PT012 - the end of a transaction is the statement that raises

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from traceback import format_exception
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError

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


class Mishap(Exception):
    """What goes wrong in the middle of the work."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def add(slug: str) -> Any:
    return insert_if_absent(Organization, {"id": new_id(), "name": slug, "slug": slug})


def slugs() -> list[str]:
    with read() as connection:
        return list(connection.scalars(select(Organization.slug).order_by(Organization.slug)))


def committed(app: Flask) -> list[str]:
    """What a request that runs at the same time would see."""
    with app.app_context():
        return slugs()


def test_work_that_ends_well_is_there(app: Flask) -> None:
    with transaction():
        add("one")
        assert committed(app) == []
    assert committed(app) == ["one"]


ROW = "INSERT INTO organizations (id, name, slug) VALUES ('01a20472-de38-71e6-9445-d8d74c06d560', :secret, NULL)"
CANARY = "seven unlikely herons"
TEXT_FOR_A_NUMBER = "SELECT CAST(:secret AS int)"


@pytest.mark.parametrize(
    ("database_url", "statement"),
    [("sqlite", ROW), ("postgresql", ROW), ("postgresql", TEXT_FOR_A_NUMBER)],
    indirect=["database_url"],
)
def test_values_that_the_database_refused_are_in_no_error(statement: str) -> None:
    with pytest.raises(DBAPIError) as refused, transaction() as session:
        session.execute(text(statement), {"secret": CANARY})
    told = "".join(format_exception(refused.value))
    assert statement.partition(":")[0] in told
    assert CANARY not in told


def test_work_that_fails_leaves_nothing(app: Flask) -> None:
    with pytest.raises(Mishap), transaction():
        add("one")
        raise Mishap
    assert committed(app) == []


def test_nothing_can_be_read_through_the_session_outside_a_transaction() -> None:
    with pytest.raises(InvalidRequestError, match="Autobegin is disabled"):
        db.session.execute(select(Organization.slug))


def test_nothing_can_be_written_outside_a_transaction(app: Flask) -> None:
    for write in (lambda: add("one"), lambda: jobs.enqueue("a.job"), lambda: after_commit(list)):
        with pytest.raises(RuntimeError, match="a write outside transaction"):
            write()
    with pytest.raises(InvalidRequestError, match="Autobegin is disabled"):
        db.session.add(Organization(name="one", slug="one"))
    assert committed(app) == []


def test_an_object_lives_on_after_its_transaction() -> None:
    with transaction():
        organization = add("one")
    assert organization.slug == "one"


def test_an_inner_block_commits_only_with_the_outer_one(app: Flask) -> None:
    with transaction():
        with transaction():
            add("inner")
        assert committed(app) == []
    assert committed(app) == ["inner"]


def test_an_inner_block_falls_with_the_outer_one(app: Flask) -> None:
    with pytest.raises(Mishap), transaction():
        with transaction():
            add("inner")
        raise Mishap
    assert committed(app) == []


def test_an_inner_failure_that_was_swallowed_commits_nothing(app: Flask) -> None:
    with pytest.raises(InnerTransactionFailed), transaction():
        add("outer")
        with suppress(Mishap), transaction():
            add("inner")
            raise Mishap
    assert committed(app) == []


def test_a_failed_transaction_is_no_burden_to_the_next(app: Flask) -> None:
    for _ in range(2):
        with suppress(InnerTransactionFailed), transaction(), suppress(Mishap), transaction():
            raise Mishap
    with transaction():
        add("one")
    assert committed(app) == ["one"]


def test_callbacks_run_once_and_after_the_outermost_commit(app: Flask) -> None:
    seen: list[list[str]] = []
    with transaction():
        with transaction():
            add("inner")
            after_commit(lambda: seen.append(committed(app)))
        assert seen == []
    with transaction():
        add("later")
    assert seen == [["inner"]]


def test_callbacks_never_run_after_a_rollback() -> None:
    called: list[int] = []
    with suppress(Mishap), transaction():
        after_commit(lambda: called.append(1))
        raise Mishap
    with suppress(InnerTransactionFailed), transaction(), suppress(Mishap), transaction():
        after_commit(lambda: called.append(2))
        raise Mishap
    with transaction():
        add("one")
    assert called == []


def test_a_read_outside_sees_what_is_committed_and_waits_for_no_writer(app: Flask) -> None:
    with transaction():
        add("one")
    with transaction():
        add("two")
        assert committed(app) == ["one"]


def test_a_read_that_is_open_keeps_no_writer_waiting(app: Flask) -> None:
    with read() as connection:
        assert connection.scalar(select(func.count()).select_from(Organization)) == 0
        with app.app_context(), transaction():
            add("one")
        assert connection.scalar(select(func.count()).select_from(Organization)) == 1


def test_a_read_inside_sees_what_was_just_written() -> None:
    with transaction():
        add("one")
        assert slugs() == ["one"]


def test_a_read_inside_does_not_end_the_transaction(app: Flask) -> None:
    with suppress(Mishap), transaction():
        add("one")
        assert slugs() == ["one"]
        raise Mishap
    assert committed(app) == []


def test_a_conflict_is_no_row_and_the_transaction_goes_on(app: Flask) -> None:
    with transaction():
        first = add("taken")
        assert add("taken") is None
        assert slugs() == ["taken"]
        add("free")
    assert committed(app) == ["free", "taken"]
    assert first.slug == "taken"


def test_a_conflict_with_a_committed_row_is_no_row(app: Flask) -> None:
    with app.app_context(), transaction():
        add("taken")
    with transaction():
        assert add("taken") is None
        add("free")
    assert committed(app) == ["free", "taken"]


def test_the_guard_is_the_first_act_of_each_outermost_transaction() -> None:
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
def refused_by_a_guard() -> Iterator[None]:
    with guarded(_refuse):
        yield


def _refuse() -> None:
    raise Mishap


@pytest.mark.parametrize("work", [lambda: None, lambda: add("one")])
def test_a_guard_that_raises_has_nothing_done(app: Flask, work: Callable[[], Any]) -> None:
    called: list[int] = []
    with refused_by_a_guard(), pytest.raises(Mishap), transaction():
        work()
        after_commit(lambda: called.append(1))
    assert (committed(app), called) == ([], [])


def test_a_guard_ends_with_its_block(app: Flask) -> None:
    with refused_by_a_guard(), suppress(Mishap), transaction():
        add("one")
    with transaction():
        add("two")
    assert committed(app) == ["two"]
