"""Claims: one worker at a time holds a job, and a worker that has lost its claim cannot change anything."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.clock import now
from project.infrastructure.database import guarded, transaction
from project.infrastructure.database.models import new_id
from tests.kit.fixtures.jobs import (
    JOB_NAME,
    age_job,
    claim_job,
    claim_with_expired_lease,
    enqueue_job,
    fail_job,
    get_job,
    list_jobs,
    run_concurrently,
)


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_claiming_a_job_leases_it_and_counts_an_attempt(settings: Settings) -> None:
    job_id = enqueue_job(file_id="7")
    claim = claim_job(job_id)
    assert (claim.job_id, claim.name, claim.arguments, claim.attempts) == (job_id, JOB_NAME, {"file_id": "7"}, 1)
    row = get_job(job_id)
    assert (row.status, row.attempts, row.claim_id) == ("running", 1, claim.id)
    assert row.leased_until > now() + timedelta(seconds=settings.job_time_limit_seconds)


def test_running_done_or_unknown_job_cannot_be_claimed() -> None:
    claim = claim_job(enqueue_job())
    assert jobs.claim(claim.job_id) is None
    jobs.finish(claim)
    assert jobs.claim(claim.job_id) is None
    assert jobs.claim(new_id()) is None


def test_job_that_is_not_due_cannot_be_claimed() -> None:
    job_id = enqueue_job()
    age_job(job_id, -1)
    assert jobs.claim(job_id) is None


def test_exactly_one_of_several_concurrent_claims_succeeds(app: Flask) -> None:
    for _ in range(5):
        job_id = enqueue_job()
        claims = [claim for claim in run_concurrently(app, lambda job_id=job_id: jobs.claim(job_id)) if claim]
        assert len(claims) == get_job(job_id).attempts == 1


def test_exactly_one_of_several_concurrent_claims_succeeds_after_lease_expires(app: Flask, settings: Settings) -> None:
    job_id = enqueue_job()
    claim_with_expired_lease(job_id)
    claims = [claim for claim in run_concurrently(app, lambda: jobs.claim(job_id)) if claim]
    assert [claim.attempts for claim in claims] == [2]


def test_finishing_a_job_marks_it_done_and_ends_its_claim(app: Flask) -> None:
    claim = claim_job(enqueue_job())
    jobs.finish(claim)
    row = get_job(claim.job_id)
    assert (row.status, row.claim_id, row.leased_until, row.last_error) == ("done", None, None, None)
    assert row.finished_at is not None


def test_job_cannot_be_claimed_before_its_lease_expires(settings: Settings) -> None:
    claim = claim_job(enqueue_job())
    age_job(claim.job_id, settings.job_time_limit_seconds)
    assert jobs.claim(claim.job_id) is None
    jobs.finish(claim)


def test_holder_of_expired_claim_can_neither_finish_nor_fail_job(settings: Settings) -> None:
    expired = claim_with_expired_lease(enqueue_job())
    claim_job(expired.job_id)
    for end in (
        lambda: jobs.finish(expired),
        lambda: fail_job(expired),
        lambda: fail_job(expired, jobs.FailureKind.PERMANENT),
    ):
        with pytest.raises(jobs.ClaimLost):
            end()
    assert get_job(expired.job_id).status == "running"


def test_transaction_under_expired_claim_is_rolled_back(settings: Settings) -> None:
    expired = claim_with_expired_lease(enqueue_job())
    successor = claim_job(expired.job_id)
    with pytest.raises(jobs.ClaimLost), guarded(expired.ensure_held), transaction():
        jobs.enqueue("tests.effect_of_expired_claim")
    assert [row.id for row in list_jobs()] == [expired.job_id]
    jobs.finish(successor)


def test_expired_claim_is_lost_after_another_worker_finishes_the_job(settings: Settings) -> None:
    expired = claim_with_expired_lease(enqueue_job())
    jobs.finish(claim_job(expired.job_id))
    with pytest.raises(jobs.ClaimLost):
        jobs.finish(expired)
    with pytest.raises(jobs.ClaimLost), transaction():
        expired.ensure_held()
    assert get_job(expired.job_id).status == "done"


def test_transaction_under_valid_claim_is_committed() -> None:
    claim = claim_job(enqueue_job())
    with guarded(claim.ensure_held), transaction():
        jobs.enqueue("tests.effect")
    assert len(list_jobs()) == 2


def test_job_cannot_be_claimed_while_claim_holder_has_an_open_transaction(app: Flask, settings: Settings) -> None:
    """The guard locks the row, so a concurrent claim waits until the transaction has committed."""
    expired = claim_with_expired_lease(enqueue_job())

    def take_over() -> list[Any]:
        with app.app_context():
            claim_job(expired.job_id)
            return list_jobs()

    with ThreadPoolExecutor(1) as pool:
        with guarded(expired.ensure_held), transaction():
            jobs.enqueue("tests.effect")
            seen = pool.submit(take_over)
        assert len(seen.result()) == 2
