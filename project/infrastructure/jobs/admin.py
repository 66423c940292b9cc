"""What an operator does with jobs: look at them, have a dead one tried again, and clear away what is over."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Delete, Row, Select, Update, delete, func, literal, null, select, union_all, update

from project.infrastructure.clock import now
from project.infrastructure.database import after_commit, current_session, read, read_detached, transaction
from project.infrastructure.database.pagination import Page, PageRequest, select_page
from project.infrastructure.jobs import publisher
from project.infrastructure.jobs.queue import Job, is_active, republish_delay

STATUSES = ("queued", "running", "done", "dead")
FINISHED_STATUSES = ("done", "dead")
_BATCH = 1000


class QueueDepth(NamedTuple):
    """How many jobs have a name and a status, and when the oldest of those still to be done was due."""

    name: str
    status: str
    number: int
    oldest_due_at: datetime | None


def find_job(job_id: UUID) -> Row[Any] | None:
    """One job."""
    with read() as connection:
        return connection.execute(select(Job.__table__).where(Job.id == job_id)).one_or_none()


def list_jobs(status: str, name: str | None, page: PageRequest) -> Page:
    """The jobs that have a status, and perhaps a name, newest first."""
    within: dict[Any, Any] = {Job.status: status}
    if name is not None:
        within[Job.name] = name
    return select_page(select(Job.__table__), Job.id, page, within)


def retry_job(job_id: UUID) -> bool:
    """Have a dead job tried again, as if it were new; False if it is not dead, or not there."""
    at = now()
    one = update(Job).where(Job.id == job_id, Job.status == "dead")
    name = current_session().scalar(one.values(_requeued(at, publish_at=at + republish_delay())).returning(Job.name))
    if name is not None:
        after_commit(lambda: publisher.put(name, job_id))
    return name is not None


def retry_dead_jobs(name: str | None) -> int:
    """Have all jobs that are dead now, or those of them with a name, tried again as if they were new; how many.

    They are handed over by the sweep, as fast as the broker is emptied, so that a great many crowd nobody out.
    """
    died_by = now()
    return _in_batches(lambda: _retry_batch(name, died_by))


def delete_job(job_id: UUID) -> bool:
    """Remove a job that has ended; False if it has not, or is not there."""
    removed = delete(Job).where(Job.id == job_id, Job.status.in_(FINISHED_STATUSES)).returning(Job.id)
    return current_session().scalar(removed) is not None


def purge_jobs(status: str, *, before: datetime) -> int:
    """Remove the jobs that ended so, `done` or `dead`, before a moment: a batch in each transaction; how many."""
    if status not in FINISHED_STATUSES:
        raise ValueError("only what has ended can be purged")
    return _in_batches(lambda: _purge_batch(status, before))


def queue_depths() -> list[QueueDepth]:
    """How many jobs of each name are queued, running or dead. Costs nothing for those that are done."""
    active = _counted(func.min(Job.due_at)).where(is_active())
    # By its literal value, PostgreSQL knows how few are dead.
    dead = _counted(null()).where(Job.status == literal("dead", literal_execute=True))
    with read_detached() as connection:
        return [QueueDepth(*row) for row in connection.execute(union_all(active, dead))]


def _counted(oldest: Any) -> Select[Any]:
    return select(Job.name, Job.status, func.count(), oldest).group_by(Job.name, Job.status)


def _in_batches(some: Callable[[], int]) -> int:
    return sum(iter(some, 0))


def _retry_batch(name: str | None, died_by: datetime) -> int:
    # What was tried again and died once more is not among them: this comes to an end.
    dead = select(Job.id).where(Job.status == "dead", Job.finished_at <= died_by).order_by(Job.id).limit(_BATCH)
    some = dead if name is None else dead.where(Job.name == name)
    at = now()
    statement = (
        update(Job).where(Job.id.in_(some.with_for_update(skip_locked=True))).values(_requeued(at, publish_at=at))
    )
    return _execute(statement)


def _purge_batch(status: str, before: datetime) -> int:
    over = select(Job.id).where(Job.status == status, Job.finished_at < before).order_by(Job.id).limit(_BATCH)
    return _execute(delete(Job).where(Job.id.in_(over.with_for_update(skip_locked=True))))


def _execute(statement: Update | Delete) -> int:
    with transaction() as session:
        return int(cast(Any, session.execute(statement)).rowcount)


def _requeued(at: datetime, *, publish_at: datetime) -> dict[str, Any]:
    never = {"attempts": 0, "transient_failures": 0, "finished_at": None}
    return {"status": "queued", "due_at": at, "publish_at": publish_at, **never}
