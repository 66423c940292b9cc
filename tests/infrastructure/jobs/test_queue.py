"""The job table: a job with its cause, and none that nobody is told of."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Flask

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id
from tests.kit.fixtures.jobs import NAME, age_job, claim_job, enqueue_job, fail, get_job, list_jobs, run_concurrently


class Mishap(Exception):
    """What goes wrong beside a job."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_a_job_is_there_with_its_cause() -> None:
    file_id = new_id()
    row = get_job(enqueue_job(file_id=file_id, size="small"))
    assert (row.name, row.arguments) == (NAME, {"file_id": str(file_id), "size": "small"})
    assert (row.status, row.attempts) == ("queued", 0)


def test_without_its_cause_there_is_no_job() -> None:
    with suppress(Mishap), transaction():
        jobs.enqueue(NAME)
        raise Mishap
    assert list_jobs() == []


def test_a_new_job_is_left_to_its_publisher_for_a_while(settings: Settings) -> None:
    job_id = enqueue_job()
    assert jobs.pop_overdue(10) == []
    age_job(job_id, settings.job_republish_delay_seconds)
    assert jobs.pop_overdue(10) == [(job_id, NAME)]


def test_a_job_that_was_handed_over_again_is_left_alone_for_a_while(settings: Settings) -> None:
    job_id = enqueue_job()
    for _ in range(3):
        age_job(job_id, settings.job_republish_delay_seconds)
        assert jobs.pop_overdue(10) == [(job_id, NAME)]
        assert jobs.pop_overdue(10) == []


def test_a_job_whose_worker_died_is_offered_again(settings: Settings) -> None:
    job_id = enqueue_job()
    claim_job(job_id)
    age_job(job_id, settings.job_time_limit_seconds)
    assert jobs.pop_overdue(10) == []
    age_job(job_id, settings.job_time_limit_seconds)
    assert jobs.pop_overdue(10) == [(job_id, NAME)]


def test_a_failed_job_is_offered_again_when_it_is_due() -> None:
    claim = claim_job(enqueue_job())
    fail(claim)
    assert jobs.pop_overdue(10) == []
    age_job(claim.job_id, 3600)
    assert jobs.pop_overdue(10) == [(claim.job_id, NAME)]


def test_a_job_that_is_done_is_not_offered_again() -> None:
    claim = claim_job(enqueue_job())
    jobs.finish(claim)
    age_job(claim.job_id, 10**6)
    assert jobs.pop_overdue(10) == []


def test_the_longest_overdue_come_first() -> None:
    job_ids = [enqueue_job() for _ in range(5)]
    for age, job_id in enumerate(job_ids):
        age_job(job_id, 1000 + age)
    assert {job_id for job_id, _name in jobs.pop_overdue(2)} == set(job_ids[-2:])


def test_sweeps_at_the_same_time_take_each_job_once(app: Flask) -> None:
    job_ids = [enqueue_job() for _ in range(60)]
    for job_id in job_ids:
        age_job(job_id, 1000)
    taken = run_concurrently(app, lambda: jobs.pop_overdue(20))
    everything = [job_id for batch in taken for job_id, _name in batch]
    assert len(everything) == len(set(everything))
    assert set(everything) | {job_id for job_id, _name in jobs.pop_overdue(100)} == set(job_ids)
