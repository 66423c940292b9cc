"""Pages by keyset, and the ids and times they stand on."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page, select_page_with
from project.infrastructure.jobs import Job
from tests.kit.fixtures.jobs import enqueue_job

Paged = Callable[[int, UUID | None], Page]


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def page(limit: int, after: UUID | None = None) -> Page:
    return select_page(select(Job.__table__), Job.id, PageRequest(limit, after), {Job.name: "wanted"})


def page_with_few(limit: int, after: UUID | None = None) -> Page:
    """As `page`, with those that are called "few"."""
    few = select(Job.__table__).where(Job.name == "few")
    return select_page_with(few, select(Job.__table__), Job.id, PageRequest(limit, after), {Job.name: "wanted"})


def rename(job_ids: list[UUID], name: str) -> None:
    with transaction() as session:
        session.execute(update(Job).where(Job.id.in_(job_ids)).values(name=name))


def ids(slice_: Page) -> list[UUID]:
    return [row.id for row in slice_.items]


def made(count: int) -> list[UUID]:
    """Newest first."""
    return [enqueue_job("wanted") for _ in range(count)][::-1]


def test_pages_follow_each_other_newest_first() -> None:
    rows = made(5)
    first = page(2)
    second = page(2, first.next_after)
    third = page(2, second.next_after)
    assert ids(first) + ids(second) + ids(third) == rows
    assert third.next_after is None


def test_a_last_page_that_is_full_says_that_it_is_the_last() -> None:
    made(2)
    assert page(2).next_after is None
    assert len(page(2).items) == 2


def test_nothing_is_a_page_too() -> None:
    assert page(2) == Page([], None)


def test_rows_of_others_are_on_no_page() -> None:
    rows = made(1)
    enqueue_job("unwanted")
    assert ids(page(5)) == rows


def test_rows_that_come_and_go_neither_shift_nor_repeat_the_rest() -> None:
    rows = made(6)
    first = page(2)
    made(3)
    rename([rows[0], rows[2]], "unwanted")
    second = page(2, first.next_after)
    assert ids(first) + ids(second) == [rows[0], rows[1], rows[3], rows[4]]


def test_a_page_may_start_after_a_row_that_is_gone() -> None:
    rows = made(3)
    rename([rows[1]], "unwanted")
    assert ids(page(5, rows[1])) == [rows[2]]


@pytest.mark.parametrize("paged", [page, page_with_few])
@pytest.mark.parametrize("seed", range(3))
def test_rows_that_stay_are_shown_once_whatever_comes_and_goes_between_pages(paged: Paged, seed: int) -> None:
    random, rows = Random(seed), made(24)
    stay = rows[::2]
    shown, after = [], None
    while not shown or after:
        slice_ = paged(3, after)
        shown, after = shown + ids(slice_), slice_.next_after
        made(random.randrange(3))
        rename(random.sample(rows[1::2], 2), random.choice(["unwanted", "wanted"]))
    assert shown == sorted(set(shown), reverse=True)
    assert set(stay) <= set(shown) <= set(rows)


def test_few_rows_of_another_place_are_among_the_rest() -> None:
    rows = made(7)
    rename([rows[0], rows[3], rows[4]], "few")
    first = page_with_few(4)
    second = page_with_few(4, first.next_after)
    assert (ids(first), ids(second), second.next_after) == (rows[:4], rows[4:], None)


def test_rows_that_move_from_the_few_to_the_rest_are_shown_once() -> None:
    rows = made(6)
    rename(rows[1:5], "few")
    first = page_with_few(2)
    rename([rows[1], rows[2]], "wanted")
    second = page_with_few(2, first.next_after)
    rename([rows[3], rows[4]], "wanted")
    third = page_with_few(2, second.next_after)
    assert ids(first) + ids(second) + ids(third) == rows


def test_later_ids_sort_after_earlier_ones() -> None:
    made_ids = [new_id() for _ in range(20_000)]
    assert sorted(made_ids) == made_ids
    assert len(set(made_ids)) == 20_000


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=14))])
def test_a_moment_comes_back_as_the_same_moment_in_utc(zone: timezone) -> None:
    moment = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=zone)
    job_id = enqueue_job()
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(due_at=moment))
    with read() as connection:
        found = connection.scalar(select(Job.due_at).where(Job.due_at == moment))
    assert found == moment
    assert found.utcoffset() == timedelta(0)


def test_a_change_moves_the_time_of_the_last_change() -> None:
    job_id, before = enqueue_job(), now()
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(name="changed"))
    with read() as connection:
        row = connection.execute(select(Job.created_at, Job.updated_at)).one()
    assert row.created_at <= before <= row.updated_at
