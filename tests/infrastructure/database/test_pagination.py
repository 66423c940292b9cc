"""Keyset pagination, and the ids and timestamps that it relies on."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from project.infrastructure.clock import now
from project.infrastructure.database import columns_of, read, transaction
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page, select_page_with
from project.infrastructure.jobs import Job, JobRow
from tests.kit.fixtures.jobs import enqueue_job

JOBS = select(*columns_of(JobRow, Job))
GetPage = Callable[[int, UUID | None], Page[JobRow]]


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def page(limit: int, after: UUID | None = None) -> Page[JobRow]:
    return select_page(JOBS, Job.id, PageRequest(limit, after), {Job.name: "wanted"}, JobRow)


def page_with_few(limit: int, after: UUID | None = None) -> Page[JobRow]:
    """Return a page of jobs named "wanted" or "few"."""
    few = JOBS.where(Job.name == "few")
    return select_page_with(few, JOBS, Job.id, PageRequest(limit, after), {Job.name: "wanted"}, JobRow)


def rename(job_ids: list[UUID], name: str) -> None:
    with transaction() as connection:
        connection.execute(update(Job).where(Job.id.in_(job_ids)).values(name=name))


def ids(page_: Page[JobRow]) -> list[UUID]:
    return [row.id for row in page_.items]


def create_jobs(count: int) -> list[UUID]:
    """Create jobs and return their ids, newest first."""
    return [enqueue_job("wanted") for _ in range(count)][::-1]


def test_pages_list_all_rows_newest_first() -> None:
    rows = create_jobs(5)
    first = page(2)
    second = page(2, first.next_after)
    third = page(2, second.next_after)
    assert ids(first) + ids(second) + ids(third) == rows
    assert third.next_after is None


def test_last_page_has_no_next_page_even_if_it_is_full() -> None:
    create_jobs(2)
    assert page(2).next_after is None
    assert len(page(2).items) == 2


def test_page_is_empty_if_there_are_no_rows() -> None:
    assert page(2) == Page([], None)


def test_rows_that_do_not_match_the_filter_are_not_listed() -> None:
    rows = create_jobs(1)
    enqueue_job("unwanted")
    assert ids(page(5)) == rows


def test_inserting_and_removing_rows_does_not_shift_later_pages() -> None:
    rows = create_jobs(6)
    first = page(2)
    create_jobs(3)
    rename([rows[0], rows[2]], "unwanted")
    second = page(2, first.next_after)
    assert ids(first) + ids(second) == [rows[0], rows[1], rows[3], rows[4]]


def test_page_can_start_after_removed_row() -> None:
    rows = create_jobs(3)
    rename([rows[1]], "unwanted")
    assert ids(page(5, rows[1])) == [rows[2]]


@pytest.mark.parametrize("get_page", [page, page_with_few])
@pytest.mark.parametrize("seed", range(3))
def test_unchanged_rows_are_listed_exactly_once_while_other_rows_change(get_page: GetPage, seed: int) -> None:
    random, rows = Random(seed), create_jobs(24)
    unchanged = rows[::2]
    listed, after = [], None
    while not listed or after:
        page_ = get_page(3, after)
        listed, after = listed + ids(page_), page_.next_after
        create_jobs(random.randrange(3))
        rename(random.sample(rows[1::2], 2), random.choice(["unwanted", "wanted"]))
    assert listed == sorted(set(listed), reverse=True)
    assert set(unchanged) <= set(listed) <= set(rows)


def test_pages_contain_rows_from_both_queries_in_order() -> None:
    rows = create_jobs(7)
    rename([rows[0], rows[3], rows[4]], "few")
    first = page_with_few(4)
    second = page_with_few(4, first.next_after)
    assert (ids(first), ids(second), second.next_after) == (rows[:4], rows[4:], None)


def test_rows_that_move_from_one_query_to_the_other_are_listed_once() -> None:
    rows = create_jobs(6)
    rename(rows[1:5], "few")
    first = page_with_few(2)
    rename([rows[1], rows[2]], "wanted")
    second = page_with_few(2, first.next_after)
    rename([rows[3], rows[4]], "wanted")
    third = page_with_few(2, second.next_after)
    assert ids(first) + ids(second) + ids(third) == rows


def test_ids_sort_in_creation_order() -> None:
    new_ids = [new_id() for _ in range(20_000)]
    assert sorted(new_ids) == new_ids
    assert len(set(new_ids)) == 20_000


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=14))])
def test_stored_datetime_is_returned_in_utc(zone: timezone) -> None:
    time = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=zone)
    job_id = enqueue_job()
    with transaction() as connection:
        connection.execute(update(Job).where(Job.id == job_id).values(due_at=time))
    with read() as connection:
        stored = connection.scalar(select(Job.due_at).where(Job.due_at == time))
    assert stored == time
    assert stored.utcoffset() == timedelta(0)


def test_update_sets_updated_at() -> None:
    job_id, before = enqueue_job(), now()
    with transaction() as connection:
        connection.execute(update(Job).where(Job.id == job_id).values(name="changed"))
    with read() as connection:
        row = connection.execute(select(Job.created_at, Job.updated_at)).one()
    assert row.created_at <= before <= row.updated_at
