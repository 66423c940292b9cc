"""Jobs for tests: making them, looking at their rows, and letting time pass for them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select, update

from project.config import current_settings
from project.infrastructure import jobs
from project.infrastructure.database import read, transaction
from project.infrastructure.jobs import Job

NAME = "tests.a_job"
_HANDS = 8


def enqueued(name: str = NAME, **arguments: Any) -> UUID:
    """The id of a new job."""
    with transaction() as session:
        jobs.enqueue(name, **arguments)
        job_id: UUID = session.scalars(select(Job.id).order_by(Job.id.desc()).limit(1)).one()
    return job_id


def claimed(job_id: UUID) -> jobs.Claim:
    """The claim on a job that must be free."""
    claim = jobs.claim(job_id)
    assert claim is not None
    return claim


def lapsed(job_id: UUID) -> jobs.Claim:
    """A claim whose holder took longer than its lease."""
    claim = claimed(job_id)
    let_pass(job_id, current_settings().job_time_limit_seconds * 2)
    return claim


def last_attempt(job_id: UUID) -> jobs.Claim:
    """A claim on a job that has failed before as often as it may."""
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(attempts=current_settings().job_attempts - 1))
    return claimed(job_id)


def dead(name: str = NAME, **arguments: Any) -> UUID:
    """The id of a job that rests as a dead letter."""
    claim = claimed(enqueued(name, **arguments))
    fail(claim, jobs.Failure.PERMANENT)
    return claim.job_id


def done(name: str = NAME, **arguments: Any) -> UUID:
    """The id of a job that is done."""
    claim = claimed(enqueued(name, **arguments))
    jobs.finish(claim)
    return claim.job_id


def fail(
    claim: jobs.Claim, why: jobs.Failure = jobs.Failure.OTHER, *, on_dead: Callable[[], Any] = lambda: None
) -> bool:
    """End a claim with an error."""
    return jobs.fail(claim, "Mishap: once more", why, on_dead=on_dead)


def get_job(job_id: UUID) -> Any:
    """The row of a job."""
    with read() as connection:
        return connection.execute(select(Job.__table__).where(Job.id == job_id)).one()


def list_jobs(name: str | None = None) -> list[Any]:
    """The rows of all jobs, or those called `name`, oldest first."""
    statement = select(Job.__table__).order_by(Job.id)
    with read() as connection:
        return list(connection.execute(statement if name is None else statement.where(Job.name == name)))


def let_pass(job_id: UUID, seconds: float) -> None:
    """Let so much time go by for a job, by moving all its times into the past."""
    row, by = get_job(job_id), timedelta(seconds=seconds)
    earlier = {name: getattr(row, name) - by for name in ("due_at", "publish_at", "leased_until") if getattr(row, name)}
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(earlier))


def together(app: Flask, act: Callable[[], Any]) -> list[Any]:
    """What several threads get that do the same at the same time, each on a connection of its own."""
    barrier = Barrier(_HANDS)

    def in_step(_number: int) -> Any:
        with app.app_context():
            barrier.wait()
            return act()

    with ThreadPoolExecutor(_HANDS) as pool:
        return list(pool.map(in_step, range(_HANDS)))
