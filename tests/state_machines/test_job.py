"""Jobs and those who do them, whatever happens to them in whatever order, beside a model of two dozen lines."""

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
from tests.kit.fixtures.jobs import NAME, age_job, fail, list_jobs
from tests.state_machines.job_model import ATTEMPTS, TRANSIENT_ATTEMPTS, Model
from tests.state_machines.story import Story
from worker.runner import JobPolicy, run_job
from worker.task_limits import WorkerShuttingDown

EFFECT = "tests.effect"
MOMENT_SECONDS = 30


class Away(Exception):
    """Something outside is away."""


class Hopeless(Exception):
    """It will never succeed."""


class Mishap(Exception):
    """Whatever else."""


def effect(job: UUID, error: type[BaseException] | None = None) -> None:
    """What a job does, before it perhaps fails."""
    with transaction():
        jobs.enqueue(EFFECT, delay_seconds=10**9, of=job)
    if error:
        raise error


def guarded_effect(claim: Claim) -> None:
    with guarded(claim.ensure_held):
        effect(claim.job_id)


# What a worker that works on without a break meets, and what follows from it.
ENDINGS: dict[str, tuple[type[BaseException] | None, Callable[[Model], None]]] = {
    "well": (None, lambda model: model.end("done")),
    "as something is away": (Away, lambda model: model.fail(FailureKind.TRANSIENT)),
    "as it is hopeless": (Hopeless, lambda model: model.fail(FailureKind.PERMANENT)),
    "with a mishap": (Mishap, lambda model: model.fail(FailureKind.OTHER)),
    "as the worker must stop": (WorkerShuttingDown, Model.give_back),
}
# What one does that was not heard of for a while, and what follows from it if it still holds the job.
RETURNS: dict[str, tuple[Callable[[Claim], Any], Callable[[Model], None]]] = {
    "have an effect": (guarded_effect, Model.have_effect),
    "finish": (jobs.finish, lambda model: model.end("done")),
    "fail": (fail, lambda model: model.fail(FailureKind.OTHER)),
    "give back": (jobs.release, Model.give_back),
}
# However many moments a story has, they are shorter than any lease or wait; hours are longer.
TIMES: dict[str, tuple[int, Callable[[Model], None]]] = {
    "a moment": (MOMENT_SECONDS, Model.let_a_moment_pass),
    "hours": (4 * 3600, Model.let_hours_pass),
}


class JobStory(Story):
    """Workers perform jobs in one go, or claim them and are not heard of for a while: then they are dead, or late."""

    list_jobs = Bundle("job")
    claims = Bundle("claim")

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[UUID, Model] = {}
        self.keys: set[str] = set()

    @initialize(target=list_jobs)
    def enqueue_one(self) -> Any:
        return self.enqueued(None)

    @rule(target=list_jobs, key=sampled_from([None, "a key"]))
    def enqueue(self, key: str | None) -> Any:
        return self.enqueued(key)

    @rule(target=claims, job=list_jobs)
    def claim(self, job: UUID) -> Any:
        claim, model = jobs.claim(job), self.models[job]
        assert (claim is not None) == model.is_free
        if claim is None:
            return multiple()
        model.claim(claim.id)
        return claim

    @rule(claim=claims, to=sampled_from(sorted(RETURNS)))
    def come_back(self, claim: Claim, to: str) -> None:
        act, follows = RETURNS[to]
        if self.models[claim.job_id].holder == claim.id:
            act(claim)
            follows(self.models[claim.job_id])
        else:
            with pytest.raises(ClaimLost):
                act(claim)

    @rule(job=list_jobs, ending=sampled_from(sorted(ENDINGS)))
    def perform(self, job: UUID, ending: str) -> None:
        error, ends = ENDINGS[ending]
        run_job(job, JobPolicy(lambda: effect(job, error), permanent=(Hopeless,), transient=(Away,)))
        model = self.models[job]
        if model.is_free:
            model.claim(None)
            is_exhausted = model.attempts - model.transient_failures > ATTEMPTS
            model.effects += not is_exhausted
            (model.fail(FailureKind.OTHER) if is_exhausted else ends(model))

    @rule()
    def sweep(self) -> None:
        taken = sorted(job_id for job_id, _name in jobs.pop_overdue(100))
        assert taken == sorted(job for job, model in self.models.items() if model.is_overdue)
        for job in taken:
            self.models[job].is_overdue = False

    @rule(time=sampled_from(sorted(TIMES)))
    def let_pass(self, time: str) -> None:
        seconds, follows = TIMES[time]
        for job, model in self.models.items():
            age_job(job, seconds)
            follows(model)

    @invariant()
    def jobs_are_what_the_model_says(self) -> None:
        rows = list_jobs()
        effects = Counter(row.arguments["of"] for row in rows if row.name == EFFECT)
        assert {
            row.id: (row.status, row.attempts, row.transient_failures, row.claim_id, effects[str(row.id)])
            for row in rows
            if row.name == NAME
        } == {
            job: (model.status, model.attempts, model.transient_failures, model.holder, model.effects)
            for job, model in self.models.items()
        }

    def teardown(self) -> None:
        with transaction() as session:
            session.execute(delete(Job))

    def enqueued(self, key: str | None) -> Any:
        with transaction():
            jobs.enqueue(NAME, dedupe_key=key)
        new = [row.id for row in list_jobs(NAME) if row.id not in self.models]
        assert len(new) == (key not in self.keys)
        self.models |= {job: Model() for job in new}
        self.keys |= {key} if key else set()
        return new[0] if new else multiple()


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


def test_jobs_do_what_the_model_says(profile: hypothesis.settings) -> None:
    # These stories cost little, and more can happen in them.
    many = hypothesis.settings(profile, max_examples=3 * profile.max_examples)
    run_state_machine_as_test(JobStory, settings=many)
