"""Operations on jobs for admins and operators: list, retry, delete and purge."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import Delete, Select, Update, delete, func, literal, null, select, union_all, update

from project.infrastructure.clock import now
from project.infrastructure.database import (
    after_commit,
    columns_of,
    current_connection,
    fetch_one,
    lock_batch,
    read,
    transaction,
)
from project.infrastructure.database.pagination import Page, PageRequest, select_page
from project.infrastructure.jobs import publisher
from project.infrastructure.jobs.queue import Job, is_active, republish_delay

JobStatus = Literal["queued", "running", "done", "dead"]

STATUSES: tuple[JobStatus, ...] = ("queued", "running", "done", "dead")
FINISHED_STATUSES: tuple[JobStatus, ...] = ("done", "dead")
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as read from the database."""

    id: UUID
    name: str
    arguments: dict[str, object]
    dedupe_key: str | None
    status: JobStatus
    attempts: int
    transient_failures: int
    due_at: datetime
    publish_at: datetime
    claim_id: UUID | None
    leased_until: datetime | None
    finished_at: datetime | None
    last_error: str | None
    request_id: str | None
    trace_id: str | None
    created_at: datetime
    updated_at: datetime


_JOBS = select(*columns_of(JobRow, Job))


class QueueDepth(NamedTuple):
    """The number of jobs with this name and status. `oldest_due_at` is None for dead jobs."""

    name: str
    status: str
    number: int
    oldest_due_at: datetime | None


def find_job(job_id: UUID) -> JobRow | None:
    """Return a job, or None."""
    return fetch_one(_JOBS.where(Job.id == job_id), {}, JobRow)


def list_jobs(status: JobStatus, name: str | None, page: PageRequest) -> Page[JobRow]:
    """Return a page of the jobs with this status, and with this name if given, newest first."""
    conditions: dict[Any, Any] = {Job.status: status}
    if name is not None:
        conditions[Job.name] = name
    return select_page(_JOBS, Job.id, page, conditions, JobRow)


def retry_job(job_id: UUID) -> bool:
    """Requeue a dead job and reset its attempts. Returns False if the job is not dead or does not exist."""
    at = now()
    dead = update(Job).where(Job.id == job_id, Job.status == "dead")
    name = current_connection().scalar(
        dead.values(_requeued(at, publish_at=at + republish_delay())).returning(Job.name)
    )
    if name is not None:
        after_commit(lambda: publisher.put(name, job_id))
    return name is not None


def retry_dead_jobs(name: str | None) -> int:
    """Requeue all jobs that are currently dead, or only those with this name. Returns their number.

    The republish task publishes them no faster than workers drain the broker, so even a large number of them does not
    delay other jobs.
    """
    died_by = now()
    return _in_batches(lambda: _retry_batch(name, died_by))


def delete_job(job_id: UUID) -> bool:
    """Delete a completed (`done`) or dead job. Returns False if the job has another status or does not exist."""
    removed = delete(Job).where(Job.id == job_id, Job.status.in_(FINISHED_STATUSES)).returning(Job.id)
    return current_connection().scalar(removed) is not None


def purge_jobs(status: JobStatus, *, before: datetime) -> int:
    """Delete jobs with this status that finished before `before`, one batch per transaction. Returns their number.

    Raises ValueError unless `status` is `done` or `dead`.
    """
    if status not in FINISHED_STATUSES:
        raise ValueError("only jobs with status done or dead can be purged")
    return _in_batches(lambda: _purge_batch(status, before))


def queue_depths() -> list[QueueDepth]:
    """Return the number of queued, running and dead jobs by name. Does not query completed (`done`) jobs."""
    active = _counted(func.min(Job.due_at)).where(is_active())
    # With a literal instead of a parameter, PostgreSQL's planner can estimate how few jobs are dead.
    dead = _counted(null()).where(Job.status == literal("dead", literal_execute=True))
    with read() as connection:
        return [QueueDepth(*row) for row in connection.execute(union_all(active, dead))]


def _counted(oldest: Any) -> Select[Any]:
    return select(Job.name, Job.status, func.count(), oldest).group_by(Job.name, Job.status)


def _in_batches(run_batch: Callable[[], int]) -> int:
    return sum(iter(run_batch, 0))


def _retry_batch(name: str | None, died_by: datetime) -> int:
    # Jobs that die again after being retried are not selected, so that the loop over the batches terminates.
    dead = select(Job.id).where(Job.status == "dead", Job.finished_at <= died_by).order_by(Job.id).limit(_BATCH)
    batch = dead if name is None else dead.where(Job.name == name)
    at = now()
    statement = update(Job).where(Job.id.in_(lock_batch(batch))).values(_requeued(at, publish_at=at))
    return _execute(statement)


def _purge_batch(status: JobStatus, before: datetime) -> int:
    finished = select(Job.id).where(Job.status == status, Job.finished_at < before).order_by(Job.id).limit(_BATCH)
    return _execute(delete(Job).where(Job.id.in_(lock_batch(finished))))


def _execute(statement: Update | Delete) -> int:
    with transaction() as connection:
        return len(connection.execute(statement.returning(Job.id)).all())


def _requeued(at: datetime, *, publish_at: datetime) -> dict[str, Any]:
    reset = {"attempts": 0, "transient_failures": 0, "finished_at": None}
    return {"status": "queued", "due_at": at, "publish_at": publish_at, **reset}
