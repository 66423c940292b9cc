"""Failed jobs are rescheduled with backoff, and marked dead after the last attempt."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import update

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.jobs import FailureKind, Job
from tests.kit.fixtures.jobs import (
    age_job,
    claim_job,
    claim_last_attempt,
    claim_with_expired_lease,
    enqueue_job,
    fail_job,
    get_job,
    list_jobs,
)

TRANSIENT, OTHER, PERMANENT = FailureKind.TRANSIENT, FailureKind.OTHER, FailureKind.PERMANENT


class CallbackFailed(Exception):
    """Raised by `on_dead`."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_failed_job_is_rescheduled() -> None:
    claim = claim_job(enqueue_job())
    assert fail_job(claim) is False
    row = get_job(claim.job_id)
    assert (row.status, row.last_error, row.claim_id) == ("queued", "WorkFailed: temporary error", None)
    assert jobs.claim(claim.job_id) is None
    age_job(claim.job_id, 3600)
    assert claim_job(claim.job_id).attempts == 2


def backoff_after(attempt: int) -> float:
    """Return the seconds until a job is due again after its `attempt`-th failure."""
    job_id, before = enqueue_job(), now()
    with transaction() as connection:
        connection.execute(update(Job).where(Job.id == job_id).values(attempts=attempt - 1))
    fail_job(claim_job(job_id))
    due_at: datetime = get_job(job_id).due_at
    assert get_job(job_id).publish_at == due_at
    return (due_at - before).total_seconds()


@pytest.mark.parametrize("attempt", [1, 2, 3, 4, 5, 6, 7])
def test_backoff_doubles_with_each_attempt(settings: Settings, attempt: int) -> None:
    max_seconds = settings.job_initial_backoff_seconds * 2 ** (attempt - 1)
    assert max_seconds / 2 <= backoff_after(attempt) <= max_seconds + 1


def test_backoff_is_randomized() -> None:
    delays = {round(backoff_after(7), 2) for _ in range(6)}
    assert len(delays) > 1


@pytest.fixture
def patient_settings(settings: Settings) -> Settings:
    """Settings that allow 100 attempts."""
    return settings.model_copy(update={"job_max_attempts": 100})


def test_backoff_is_at_most_one_hour(app: Flask, patient_settings: Settings) -> None:
    app.extensions["settings"] = patient_settings
    assert backoff_after(99) <= 3601


def test_job_is_marked_dead_after_last_attempt(settings: Settings) -> None:
    claim = claim_last_attempt(enqueue_job())
    assert fail_job(claim) is True
    row = get_job(claim.job_id)
    assert (row.status, row.last_error) == ("dead", "WorkFailed: temporary error")
    age_job(claim.job_id, 10**6)
    assert jobs.claim(claim.job_id) is None
    assert jobs.pop_overdue(10) == []


def test_changes_made_by_on_dead_are_committed_together_with_dead_status(settings: Settings) -> None:
    claim = claim_last_attempt(enqueue_job())
    fail_job(claim, on_dead=lambda: jobs.enqueue("tests.after_death"))
    assert len(list_jobs()) == 2


def test_job_is_not_marked_dead_if_on_dead_fails(settings: Settings) -> None:
    def failing_callback() -> None:
        jobs.enqueue("tests.after_death")
        raise CallbackFailed

    claim = claim_last_attempt(enqueue_job())
    with pytest.raises(CallbackFailed):
        fail_job(claim, on_dead=failing_callback)
    assert (get_job(claim.job_id).status, len(list_jobs())) == ("running", 1)


def test_permanent_failure_marks_job_dead_immediately() -> None:
    claim = claim_job(enqueue_job())
    assert fail_job(claim, jobs.FailureKind.PERMANENT) is True
    assert get_job(claim.job_id).status == "dead"


def test_attempts_of_job_are_exhausted_if_its_worker_dies_every_time(settings: Settings) -> None:
    job_id = enqueue_job()
    for _ in range(settings.job_max_attempts):
        assert not claim_with_expired_lease(job_id).is_exhausted
    assert claim_job(job_id).is_exhausted


@pytest.fixture
def strict_settings(app: Flask, settings: Settings) -> Settings:
    """Settings that allow two attempts, or three if they fail because a dependency is unavailable."""
    strict = settings.model_copy(update={"job_max_attempts": 2, "job_max_transient_attempts": 3})
    app.extensions["settings"] = strict
    return strict


@pytest.mark.usefixtures("strict_settings")
@pytest.mark.parametrize(
    ("failures", "status"),
    [
        ([OTHER, OTHER], "dead"),
        ([TRANSIENT, TRANSIENT, TRANSIENT], "dead"),
        ([TRANSIENT, TRANSIENT], "queued"),
        ([TRANSIENT, OTHER, TRANSIENT], "queued"),
        ([TRANSIENT, OTHER, TRANSIENT, OTHER], "dead"),
        ([TRANSIENT, PERMANENT], "dead"),
    ],
    ids=lambda failures: "-".join(kind.name.lower() for kind in failures) if isinstance(failures, list) else failures,
)
def test_failures_are_counted_by_kind(failures: list[FailureKind], status: str) -> None:
    job_id = enqueue_job()
    for kind in failures:
        age_job(job_id, 3600)
        fail_job(claim_job(job_id), kind)
    assert (get_job(job_id).status, get_job(job_id).attempts) == (status, len(failures))


@pytest.mark.usefixtures("strict_settings")
def test_worker_deaths_are_counted_separately_from_transient_failures() -> None:
    job_id = enqueue_job()
    for _ in range(2):
        fail_job(claim_job(job_id), TRANSIENT)
        age_job(job_id, 3600)
    exhausted = [claim_with_expired_lease(job_id).is_exhausted for _ in range(3)]
    assert exhausted == [False, False, True]


def test_released_job_is_queued_and_its_attempt_is_not_counted(settings: Settings) -> None:
    claim = claim_job(enqueue_job())
    jobs.release(claim)
    row = get_job(claim.job_id)
    assert (row.status, row.attempts, row.claim_id, row.leased_until) == ("queued", 0, None, None)
    assert jobs.pop_overdue(10) == [(row.id, row.name)]
    assert claim_job(row.id).attempts == 1


def test_only_claim_holder_can_release_job() -> None:
    expired = claim_with_expired_lease(enqueue_job())
    claim_job(expired.job_id)
    with pytest.raises(jobs.ClaimLost):
        jobs.release(expired)
    assert (get_job(expired.job_id).status, get_job(expired.job_id).attempts) == ("running", 2)
