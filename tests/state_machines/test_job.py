"""Jobs and their workers under random sequences of events, compared with a small model."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from flask import Flask
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from
from sqlalchemy import delete

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import guarded, transaction
from project.infrastructure.jobs import Claim, ClaimLost, FailureKind, Job
from tests.kit.fixtures.jobs import JOB_NAME, age_job, fail_job, list_jobs
from tests.state_machines.job_model import ATTEMPTS, TRANSIENT_ATTEMPTS, Model
from tests.state_machines.state_machine import StateMachine
from worker.runner import JobPolicy, run_job
from worker.task_limits import WorkerShuttingDown

EFFECT = "tests.effect"
MOMENT_SECONDS = 30


class DependencyUnavailable(Exception):
    """A transient error."""


class CannotSucceed(Exception):
    """A permanent error."""


class UnexpectedError(Exception):
    """Any other error."""


def effect(job: UUID, error: type[BaseException] | None = None) -> None:
    """Commit the effect of a job, then raise `error`, if given."""
    with transaction():
        jobs.enqueue(EFFECT, delay_seconds=10**9, of=job)
    if error:
        raise error


def guarded_effect(claim: Claim) -> None:
    with guarded(claim.ensure_held):
        effect(claim.job_id)


# How an uninterrupted job ends, and the expected change to the model.
ENDINGS: dict[str, tuple[type[BaseException] | None, Callable[[Model], None]]] = {
    "success": (None, lambda model: model.end("done")),
    "transient error": (DependencyUnavailable, lambda model: model.fail(FailureKind.TRANSIENT)),
    "permanent error": (CannotSucceed, lambda model: model.fail(FailureKind.PERMANENT)),
    "other error": (UnexpectedError, lambda model: model.fail(FailureKind.OTHER)),
    "worker shutdown": (WorkerShuttingDown, Model.release),
}
# What a worker does after a pause, and the expected change to the model if the worker still holds the claim.
LATE_ACTIONS: dict[str, tuple[Callable[[Claim], Any], Callable[[Model], None]]] = {
    "have an effect": (guarded_effect, Model.have_effect),
    "finish": (jobs.finish, lambda model: model.end("done")),
    "fail": (fail_job, lambda model: model.fail(FailureKind.OTHER)),
    "release": (jobs.release, Model.release),
}
# The moments in an example add up to less than a lease or a backoff, whereas hours exceed both.
DURATIONS: dict[str, tuple[int, Callable[[Model], None]]] = {
    "a moment": (MOMENT_SECONDS, Model.let_a_moment_pass),
    "hours": (4 * 3600, Model.let_hours_pass),
}


class JobMachine(StateMachine):
    """Workers either run a job without interruption, or claim it and pause. A paused worker is dead or acts late."""

    job_ids = Bundle("job")
    claims = Bundle("claim")

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[UUID, Model] = {}
        self.keys: set[str] = set()

    @initialize(target=job_ids)
    def enqueue_first(self) -> Any:
        return self.add_job(None)

    @rule(target=job_ids, key=sampled_from([None, "a key"]))
    def enqueue(self, key: str | None) -> Any:
        return self.add_job(key)

    @rule(target=claims, job=job_ids)
    def claim(self, job: UUID) -> Any:
        claim, model = jobs.claim(job), self.models[job]
        assert (claim is not None) == model.is_free
        if claim is None:
            return multiple()
        model.claim(claim.id)
        return claim

    @rule(claim=claims, action=sampled_from(sorted(LATE_ACTIONS)))
    def act_late(self, claim: Claim, action: str) -> None:
        act, update_model = LATE_ACTIONS[action]
        if self.models[claim.job_id].holder == claim.id:
            act(claim)
            update_model(self.models[claim.job_id])
        else:
            with pytest.raises(ClaimLost):
                act(claim)

    @rule(job=job_ids, ending=sampled_from(sorted(ENDINGS)))
    def run(self, job: UUID, ending: str) -> None:
        error, update_model = ENDINGS[ending]
        policy = JobPolicy(lambda: effect(job, error), permanent=(CannotSucceed,), transient=(DependencyUnavailable,))
        run_job(job, policy)
        model = self.models[job]
        if model.is_free:
            model.claim(None)
            is_exhausted = model.attempts - model.transient_failures > ATTEMPTS
            model.effects += not is_exhausted
            (model.fail(FailureKind.OTHER) if is_exhausted else update_model(model))

    @rule()
    def republish(self) -> None:
        republished = sorted(job_id for job_id, _name in jobs.pop_overdue(100))
        assert republished == sorted(job for job, model in self.models.items() if model.is_overdue)
        for job in republished:
            self.models[job].is_overdue = False

    @rule(duration=sampled_from(sorted(DURATIONS)))
    def let_time_pass(self, duration: str) -> None:
        seconds, update_model = DURATIONS[duration]
        for job, model in self.models.items():
            age_job(job, seconds)
            update_model(model)

    @invariant()
    def jobs_match_the_model(self) -> None:
        rows = list_jobs()
        effects = Counter(row.arguments["of"] for row in rows if row.name == EFFECT)
        assert {
            row.id: (row.status, row.attempts, row.transient_failures, row.claim_id, effects[str(row.id)])
            for row in rows
            if row.name == JOB_NAME
        } == {
            job: (model.status, model.attempts, model.transient_failures, model.holder, model.effects)
            for job, model in self.models.items()
        }

    def teardown(self) -> None:
        with transaction() as connection:
            connection.execute(delete(Job))

    def add_job(self, key: str | None) -> Any:
        with transaction():
            jobs.enqueue(JOB_NAME, dedupe_key=key)
        new_jobs = [row.id for row in list_jobs(JOB_NAME) if row.id not in self.models]
        assert len(new_jobs) == (key not in self.keys)
        self.models |= {job: Model() for job in new_jobs}
        self.keys |= {key} if key else set()
        return new_jobs[0] if new_jobs else multiple()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    attempts = {"job_max_attempts": ATTEMPTS, "job_max_transient_attempts": TRANSIENT_ATTEMPTS}
    times = {
        "job_republish_delay_seconds": MOMENT_SECONDS,
        "job_time_limit_seconds": 7200,
        "job_initial_backoff_seconds": 7200,
    }
    return settings.model_copy(update=attempts | times)


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_jobs_match_the_model(profile: hypothesis.settings) -> None:
    # Run more examples than for the other state machines: they are fast, and more events are possible.
    more_examples = hypothesis.settings(profile, max_examples=3 * profile.max_examples)
    run_state_machine_as_test(JobMachine, settings=more_examples)
