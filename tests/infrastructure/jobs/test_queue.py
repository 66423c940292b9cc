"""The job table: jobs are committed with the transaction that enqueues them, and overdue jobs are republished."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Flask

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id
from tests.kit.fixtures.jobs import (
    JOB_NAME,
    age_job,
    claim_job,
    enqueue_job,
    fail_job,
    get_job,
    list_jobs,
    run_concurrently,
)


class TransactionFailed(Exception):
    """Raised in the transaction that enqueues a job."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_enqueued_job_is_stored_with_its_arguments() -> None:
    file_id = new_id()
    row = get_job(enqueue_job(file_id=file_id, size="small"))
    assert (row.name, row.arguments) == (JOB_NAME, {"file_id": str(file_id), "size": "small"})
    assert (row.status, row.attempts) == ("queued", 0)


def test_rolled_back_transaction_enqueues_no_job() -> None:
    with suppress(TransactionFailed), transaction():
        jobs.enqueue(JOB_NAME)
        raise TransactionFailed
    assert list_jobs() == []


def test_new_job_becomes_overdue_only_after_republish_delay(settings: Settings) -> None:
    job_id = enqueue_job()
    assert jobs.pop_overdue(10) == []
    age_job(job_id, settings.job_republish_delay_seconds)
    assert jobs.pop_overdue(10) == [(job_id, JOB_NAME)]


def test_republished_job_becomes_overdue_again_only_after_republish_delay(settings: Settings) -> None:
    job_id = enqueue_job()
    for _ in range(3):
        age_job(job_id, settings.job_republish_delay_seconds)
        assert jobs.pop_overdue(10) == [(job_id, JOB_NAME)]
        assert jobs.pop_overdue(10) == []


def test_job_whose_worker_died_is_republished(settings: Settings) -> None:
    job_id = enqueue_job()
    claim_job(job_id)
    age_job(job_id, settings.job_time_limit_seconds)
    assert jobs.pop_overdue(10) == []
    age_job(job_id, settings.job_time_limit_seconds)
    assert jobs.pop_overdue(10) == [(job_id, JOB_NAME)]


def test_failed_job_is_republished_when_due() -> None:
    claim = claim_job(enqueue_job())
    fail_job(claim)
    assert jobs.pop_overdue(10) == []
    age_job(claim.job_id, 3600)
    assert jobs.pop_overdue(10) == [(claim.job_id, JOB_NAME)]


def test_completed_job_is_not_republished() -> None:
    claim = claim_job(enqueue_job())
    jobs.finish(claim)
    age_job(claim.job_id, 10**6)
    assert jobs.pop_overdue(10) == []


def test_longest_overdue_jobs_are_republished_first() -> None:
    job_ids = [enqueue_job() for _ in range(5)]
    for age, job_id in enumerate(job_ids):
        age_job(job_id, 1000 + age)
    assert {job_id for job_id, _name in jobs.pop_overdue(2)} == set(job_ids[-2:])


def test_concurrent_calls_return_each_overdue_job_only_once(app: Flask) -> None:
    job_ids = [enqueue_job() for _ in range(60)]
    for job_id in job_ids:
        age_job(job_id, 1000)
    batches = run_concurrently(app, lambda: jobs.pop_overdue(20))
    popped = [job_id for batch in batches for job_id, _name in batch]
    assert len(popped) == len(set(popped))
    assert set(popped) | {job_id for job_id, _name in jobs.pop_overdue(100)} == set(job_ids)
