"""Running jobs: a job completes, is retried, is marked dead, or is lost to another worker."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from project.infrastructure import jobs, logging
from project.infrastructure.database import transaction
from tests.kit.fixtures.jobs import (
    age_job,
    claim_job,
    claim_last_attempt,
    claim_with_expired_lease,
    enqueue_job,
    get_job,
    list_jobs,
)
from worker.runner import JobPolicy, run_job


class WorkFailed(Exception):
    """The work of the job failed."""


class CannotSucceed(Exception):
    """The work of the job will never succeed."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def attempt_job(job_id: UUID, work: Callable[..., None], **options: Any) -> None:
    run_job(job_id, JobPolicy(work, **options))


def failing(error: Exception) -> Callable[..., None]:
    def work(**_arguments: Any) -> None:
        raise error

    return work


def effect(**_arguments: Any) -> None:
    with transaction():
        jobs.enqueue("tests.effect")


def effects() -> int:
    return len(list_jobs("tests.effect"))


def skip_backoff(job_id: UUID) -> UUID:
    age_job(job_id, 3600)
    return job_id


def test_job_runs_with_its_arguments() -> None:
    seen: list[dict[str, Any]] = []
    job_id = enqueue_job(file_id="7")
    attempt_job(job_id, lambda **arguments: seen.append(arguments))
    assert (get_job(job_id).status, seen) == ("done", [{"file_id": "7"}])


def test_completed_job_is_not_run_again() -> None:
    job_id = enqueue_job()
    for _ in range(3):
        attempt_job(job_id, effect)
    assert effects() == 1


def test_job_claimed_by_another_worker_is_not_run() -> None:
    claim = claim_job(enqueue_job())
    attempt_job(claim.job_id, effect)
    assert effects() == 0
    jobs.finish(claim)


def test_failed_job_is_retried_later() -> None:
    job_id = enqueue_job()
    attempt_job(job_id, failing(WorkFailed("once")))
    row = get_job(job_id)
    assert (row.status, row.attempts, row.last_error) == ("queued", 1, "WorkFailed: once")
    attempt_job(job_id, effect)
    assert effects() == 0
    attempt_job(skip_backoff(job_id), effect)
    assert (get_job(job_id).status, effects()) == ("done", 1)


def test_effects_of_failed_attempt_are_rolled_back() -> None:
    def start_and_fail(**_arguments: Any) -> None:
        with transaction():
            jobs.enqueue("tests.effect")
            raise WorkFailed

    attempt_job(enqueue_job(), start_and_fail)
    assert effects() == 0


def test_permanent_failure_marks_job_dead_and_calls_on_dead() -> None:
    job_id = enqueue_job(file_id="7")
    calls: list[dict[str, Any]] = []
    attempt_job(
        job_id,
        failing(CannotSucceed()),
        on_dead=lambda **arguments: calls.append(arguments),
        permanent=(CannotSucceed,),
    )
    assert (get_job(job_id).status, calls) == ("dead", [{"file_id": "7"}])


def test_dead_job_is_not_run() -> None:
    claim = claim_last_attempt(enqueue_job())
    jobs.fail(claim, "not yet", jobs.FailureKind.OTHER, on_dead=lambda: None)
    assert get_job(claim.job_id).status == "dead"
    attempt_job(skip_backoff(claim.job_id), effect)
    assert effects() == 0


def test_job_whose_worker_died_in_last_attempt_is_marked_dead_and_not_run_again() -> None:
    job_id = enqueue_job()
    claim_last_attempt(job_id)
    age_job(job_id, 3600)
    calls: list[bool] = []
    attempt_job(job_id, effect, on_dead=lambda: calls.append(True))
    assert get_job(job_id).status == "dead"
    assert get_job(job_id).last_error == "WorkerDied: The worker died during the last allowed attempt."
    assert (effects(), calls) == (0, [True])


def lose_claim(job_id: UUID, ending: Callable[..., None]) -> Callable[..., None]:
    """Return a function that lets the job's lease expire, claims the job as another worker, and then calls `ending`."""

    def work(**_arguments: Any) -> None:
        age_job(job_id, 3600)
        claim_job(job_id)
        ending()

    return work


@pytest.mark.parametrize("ending", [effect, failing(WorkFailed())], ids=["succeeds", "fails"])
def test_worker_that_lost_its_claim_changes_nothing(ending: Callable[..., None]) -> None:
    job_id = enqueue_job()
    attempt_job(job_id, lose_claim(job_id, ending))
    row = get_job(job_id)
    assert (row.status, row.attempts, row.last_error) == ("running", 2, None)
    assert effects() == 0


def test_job_with_expired_lease_is_run_by_another_worker() -> None:
    expired = claim_with_expired_lease(enqueue_job())
    attempt_job(expired.job_id, effect)
    assert (get_job(expired.job_id).status, effects()) == ("done", 1)


def test_long_error_message_is_truncated() -> None:
    job_id = enqueue_job()
    attempt_job(job_id, failing(WorkFailed("x" * 10_000)))
    assert len(get_job(job_id).last_error) == 500


@pytest.mark.parametrize("character", ["\n", "\x00", "\x1b[2J", "\ud800", "\u2028"], ids=ascii)
def test_error_message_is_stored_as_one_printable_line(character: str) -> None:
    job_id = enqueue_job()
    attempt_job(job_id, failing(WorkFailed(f"one{character}two")))
    row = get_job(job_id)
    assert row.status == "queued"
    assert row.last_error.isprintable()
    assert row.last_error.startswith("WorkFailed: one ")


def test_error_without_message_is_described_by_its_docstring() -> None:
    job_id = enqueue_job()
    attempt_job(job_id, failing(WorkFailed()))
    assert get_job(job_id).last_error == "WorkFailed: The work of the job failed."


def test_log_context_of_job_includes_request_id_and_trace_id() -> None:
    logging.clear_context()
    ids = {"request_id": "a-request", "trace_id": "a-trace"}
    logging.bind(**ids)
    job_id = enqueue_job()
    logging.unbind(*ids)
    seen: list[dict[str, Any]] = []
    attempt_job(job_id, lambda: seen.append(logging.context()))
    assert seen == [{"job": "tests.a_job", "job_id": str(job_id), **ids}]
    assert logging.context() == {}
