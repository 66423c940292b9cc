"""What becomes of a job: done, tried again, laid to rest, or taken over by another."""

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
from worker.runner import JobPolicy
from worker.runner import run_job as perform_task


class Mishap(Exception):
    """What goes wrong with a job."""


class Hopeless(Exception):
    """What will never go right."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def perform(job_id: UUID, work: Callable[..., None], **options: Any) -> None:
    perform_task(job_id, JobPolicy(work, **options))


def failing(error: Exception) -> Callable[..., None]:
    def work(**_arguments: Any) -> None:
        raise error

    return work


def effect(**_arguments: Any) -> None:
    with transaction():
        jobs.enqueue("tests.effect")


def effects() -> int:
    return len(list_jobs("tests.effect"))


def after_another_try(job_id: UUID) -> UUID:
    age_job(job_id, 3600)
    return job_id


def test_a_job_is_done_with_its_arguments() -> None:
    seen: list[dict[str, Any]] = []
    job_id = enqueue_job(file_id="7")
    perform(job_id, lambda **arguments: seen.append(arguments))
    assert (get_job(job_id).status, seen) == ("done", [{"file_id": "7"}])


def test_a_job_that_is_done_is_not_done_again() -> None:
    job_id = enqueue_job()
    for _ in range(3):
        perform(job_id, effect)
    assert effects() == 1


def test_a_job_that_another_holds_is_left_to_it() -> None:
    claim = claim_job(enqueue_job())
    perform(claim.job_id, effect)
    assert effects() == 0
    jobs.finish(claim)


def test_a_job_that_fails_is_tried_again_later() -> None:
    job_id = enqueue_job()
    perform(job_id, failing(Mishap("once")))
    row = get_job(job_id)
    assert (row.status, row.attempts, row.last_error) == ("queued", 1, "Mishap: once")
    perform(job_id, effect)
    assert effects() == 0
    perform(after_another_try(job_id), effect)
    assert (get_job(job_id).status, effects()) == ("done", 1)


def test_what_a_failed_attempt_began_is_undone() -> None:
    def half(**_arguments: Any) -> None:
        with transaction():
            jobs.enqueue("tests.effect")
            raise Mishap

    perform(enqueue_job(), half)
    assert effects() == 0


def test_a_hopeless_job_rests_at_once_and_says_so() -> None:
    job_id = enqueue_job(file_id="7")
    told: list[dict[str, Any]] = []
    perform(job_id, failing(Hopeless()), on_dead=lambda **arguments: told.append(arguments), permanent=(Hopeless,))
    assert (get_job(job_id).status, told) == ("dead", [{"file_id": "7"}])


def test_a_job_rests_after_its_last_attempt() -> None:
    claim = claim_last_attempt(enqueue_job())
    jobs.fail(claim, "not yet", jobs.FailureKind.OTHER, on_dead=lambda: None)
    assert get_job(claim.job_id).status == "dead"
    perform(after_another_try(claim.job_id), effect)
    assert effects() == 0


def test_a_job_that_ended_its_worker_each_time_rests_untried() -> None:
    job_id = enqueue_job()
    claim_last_attempt(job_id)
    age_job(job_id, 3600)
    told: list[bool] = []
    perform(job_id, effect, on_dead=lambda: told.append(True))
    assert get_job(job_id).status == "dead"
    assert get_job(job_id).last_error == "WorkerEnded: Every attempt that was allowed ended its worker."
    assert (effects(), told) == (0, [True])


def taken_over(job_id: UUID, ending: Callable[..., None]) -> Callable[..., None]:
    """Work that takes so long that its job is given to another, and wakes up then."""

    def work(**_arguments: Any) -> None:
        age_job(job_id, 3600)
        claim_job(job_id)
        ending()

    return work


@pytest.mark.parametrize("ending", [effect, failing(Mishap())], ids=["does its work", "fails"])
def test_a_worker_that_wakes_up_late_changes_nothing(ending: Callable[..., None]) -> None:
    job_id = enqueue_job()
    perform(job_id, taken_over(job_id, ending))
    row = get_job(job_id)
    assert (row.status, row.attempts, row.last_error) == ("running", 2, None)
    assert effects() == 0


def test_a_late_worker_is_done_when_its_successor_is() -> None:
    late = claim_with_expired_lease(enqueue_job())
    perform(late.job_id, effect)
    assert (get_job(late.job_id).status, effects()) == ("done", 1)


def test_a_long_error_is_cut() -> None:
    job_id = enqueue_job()
    perform(job_id, failing(Mishap("x" * 10_000)))
    assert len(get_job(job_id).last_error) == 500


@pytest.mark.parametrize("unfit", ["\n", "\x00", "\x1b[2J", "\ud800", "\u2028"], ids=ascii)
def test_an_error_is_one_line_that_a_column_and_a_terminal_can_hold(unfit: str) -> None:
    job_id = enqueue_job()
    perform(job_id, failing(Mishap(f"one{unfit}two")))
    row = get_job(job_id)
    assert row.status == "queued"
    assert row.last_error.isprintable()
    assert row.last_error.startswith("Mishap: one ")


def test_an_error_without_words_tells_what_its_kind_means() -> None:
    job_id = enqueue_job()
    perform(job_id, failing(Mishap()))
    assert get_job(job_id).last_error == "Mishap: What goes wrong with a job."


def test_what_a_job_logs_carries_the_request_that_caused_it() -> None:
    logging.clear_context()
    ids = {"request_id": "a-request", "trace_id": "a-trace"}
    logging.bind(**ids)
    job_id = enqueue_job()
    logging.unbind(*ids)
    seen: list[dict[str, Any]] = []
    perform(job_id, lambda: seen.append(logging.context()))
    assert seen == [{"job": "tests.a_job", "job_id": str(job_id), **ids}]
    assert logging.context() == {}
