"""How a job ends that does not succeed: put off, and in the end laid to rest."""

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
    fail,
    get_job,
    list_jobs,
)

AWAY, OTHER, PERMANENT = FailureKind.TRANSIENT, FailureKind.OTHER, FailureKind.PERMANENT


class Mishap(Exception):
    """What goes wrong beside a job."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_a_failed_job_waits_for_another_attempt() -> None:
    claim = claim_job(enqueue_job())
    assert fail(claim) is False
    row = get_job(claim.job_id)
    assert (row.status, row.last_error, row.claim_id) == ("queued", "Mishap: once more", None)
    assert jobs.claim(claim.job_id) is None
    age_job(claim.job_id, 3600)
    assert claim_job(claim.job_id).attempts == 2


def wait_after(attempt: int) -> float:
    """Seconds until a job is due again that failed for the `attempt`-th time."""
    job_id, before = enqueue_job(), now()
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(attempts=attempt - 1))
    fail(claim_job(job_id))
    due_at: datetime = get_job(job_id).due_at
    assert get_job(job_id).publish_at == due_at
    return (due_at - before).total_seconds()


@pytest.mark.parametrize("attempt", [1, 2, 3, 4, 5, 6, 7])
def test_the_wait_doubles_with_each_attempt(settings: Settings, attempt: int) -> None:
    longest = settings.job_initial_backoff_seconds * 2 ** (attempt - 1)
    assert longest / 2 <= wait_after(attempt) <= longest + 1


def test_the_wait_differs_from_job_to_job() -> None:
    waits = {round(wait_after(7), 2) for _ in range(6)}
    assert len(waits) > 1


@pytest.fixture
def patient_settings(settings: Settings) -> Settings:
    """Settings that allow very many attempts."""
    return settings.model_copy(update={"job_max_attempts": 100})


def test_the_wait_is_never_longer_than_an_hour(app: Flask, patient_settings: Settings) -> None:
    app.extensions["settings"] = patient_settings
    assert wait_after(99) <= 3601


def test_after_the_last_attempt_a_job_rests(settings: Settings) -> None:
    claim = claim_last_attempt(enqueue_job())
    assert fail(claim) is True
    row = get_job(claim.job_id)
    assert (row.status, row.last_error) == ("dead", "Mishap: once more")
    age_job(claim.job_id, 10**6)
    assert jobs.claim(claim.job_id) is None
    assert jobs.pop_overdue(10) == []


def test_what_follows_a_dead_letter_is_done_with_it(settings: Settings) -> None:
    claim = claim_last_attempt(enqueue_job())
    fail(claim, on_dead=lambda: jobs.enqueue("tests.after_death"))
    assert len(list_jobs()) == 2


def test_when_what_follows_fails_the_job_does_not_rest_yet(settings: Settings) -> None:
    def mishap() -> None:
        jobs.enqueue("tests.after_death")
        raise Mishap

    claim = claim_last_attempt(enqueue_job())
    with pytest.raises(Mishap):
        fail(claim, on_dead=mishap)
    assert (get_job(claim.job_id).status, len(list_jobs())) == ("running", 1)


def test_what_can_never_succeed_rests_at_once() -> None:
    claim = claim_job(enqueue_job())
    assert fail(claim, jobs.FailureKind.PERMANENT) is True
    assert get_job(claim.job_id).status == "dead"


def test_a_job_that_ended_its_worker_each_time_is_spent(settings: Settings) -> None:
    job_id = enqueue_job()
    for _ in range(settings.job_max_attempts):
        assert not claim_with_expired_lease(job_id).is_exhausted
    assert claim_job(job_id).is_exhausted


@pytest.fixture
def strict_settings(app: Flask, settings: Settings) -> Settings:
    """Two attempts, and three while something is away."""
    strict = settings.model_copy(update={"job_max_attempts": 2, "job_max_transient_attempts": 3})
    app.extensions["settings"] = strict
    return strict


@pytest.mark.usefixtures("strict_settings")
@pytest.mark.parametrize(
    ("failures", "ended"),
    [
        ([OTHER, OTHER], "dead"),
        ([AWAY, AWAY, AWAY], "dead"),
        ([AWAY, AWAY], "queued"),
        ([AWAY, OTHER, AWAY], "queued"),
        ([AWAY, OTHER, AWAY, OTHER], "dead"),
        ([AWAY, PERMANENT], "dead"),
    ],
    ids=lambda failures: " ".join(one.name for one in failures) if isinstance(failures, list) else failures,
)
def test_failures_are_counted_by_their_class(failures: list[FailureKind], ended: str) -> None:
    job_id = enqueue_job()
    for why in failures:
        age_job(job_id, 3600)
        fail(claim_job(job_id), why)
    assert (get_job(job_id).status, get_job(job_id).attempts) == (ended, len(failures))


@pytest.mark.usefixtures("strict_settings")
def test_a_worker_that_dies_after_others_failed_for_what_was_away_is_still_counted() -> None:
    job_id = enqueue_job()
    for _ in range(2):
        fail(claim_job(job_id), AWAY)
        age_job(job_id, 3600)
    spent = [claim_with_expired_lease(job_id).is_exhausted for _ in range(3)]
    assert spent == [False, False, True]


def test_a_job_that_is_given_back_is_as_it_was(settings: Settings) -> None:
    claim = claim_job(enqueue_job())
    jobs.release(claim)
    row = get_job(claim.job_id)
    assert (row.status, row.attempts, row.claim_id, row.leased_until) == ("queued", 0, None, None)
    assert jobs.pop_overdue(10) == [(row.id, row.name)]
    assert claim_job(row.id).attempts == 1


def test_only_the_holder_gives_a_job_back() -> None:
    late = claim_with_expired_lease(enqueue_job())
    claim_job(late.job_id)
    with pytest.raises(jobs.ClaimLost):
        jobs.release(late)
    assert (get_job(late.job_id).status, get_job(late.job_id).attempts) == ("running", 2)
