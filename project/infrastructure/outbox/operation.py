"""What an operator does with jobs: look at them, have a dead one tried again, and clear away what is over."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update

from project.infrastructure.clock import now
from project.infrastructure.database import after_commit, current_session, read, transaction
from project.infrastructure.keyset import Page, Slice, keyset
from project.infrastructure.outbox import publisher
from project.infrastructure.outbox.jobs import Job, is_active, republish_after

STATUSES = ("queued", "running", "done", "dead")
ENDED = ("done", "dead")
_BATCH = 1000


def find_job(job_id: UUID) -> Row[Any] | None:
    """One job."""
    with read() as connection:
        return connection.execute(select(Job.__table__).where(Job.id == job_id)).one_or_none()


def list_jobs(status: str, name: str | None, page: Page) -> Slice:
    """The jobs that have a status, and perhaps a name, newest first."""
    within: dict[Any, Any] = {Job.status: status}
    if name is not None:
        within[Job.name] = name
    return keyset(select(Job.__table__), Job.id, page, within)


def retry(job_id: UUID) -> bool:
    """Have a dead job tried again, as if it were new; False if it is not dead, or not there."""
    at = now()
    revived = (
        update(Job)
        .where(Job.id == job_id, Job.status == "dead")
        .values(
            status="queued",
            attempts=0,
            transient_failures=0,
            due_at=at,
            publish_at=at + republish_after(),
            finished_at=None,
        )
        .returning(Job.name)
    )
    name = current_session().scalar(revived)
    if name is not None:
        after_commit(lambda: publisher.put(name, job_id))
    return name is not None


def remove(job_id: UUID) -> bool:
    """Remove a job that has ended; False if it has not, or is not there."""
    removed = delete(Job).where(Job.id == job_id, Job.status.in_(ENDED)).returning(Job.id)
    return current_session().scalar(removed) is not None


def purge(status: str, *, before: datetime) -> int:
    """Remove the jobs that ended so, `done` or `dead`, before a moment: a batch in each transaction; how many."""
    if status not in ENDED:
        raise ValueError("only what has ended can be purged")
    purged = 0
    while batch := _purge_some(status, before):
        purged += batch
    return purged


def _purge_some(status: str, before: datetime) -> int:
    over = select(Job.id).where(Job.status == status, Job.finished_at < before).order_by(Job.id).limit(_BATCH)
    statement = delete(Job).where(Job.id.in_(over.with_for_update(skip_locked=True)))
    with transaction() as session:
        return int(cast(Any, session.execute(statement)).rowcount)


def depths() -> Iterator[tuple[str, str, int, float]]:
    """Name and status of the jobs that are still to be done or dead, how many, and seconds since the oldest was due."""
    at = now()
    counted = func.count().label("number"), func.min(Job.due_at).label("oldest")
    still = select(Job.name, Job.status, *counted).where(is_active()).group_by(Job.name, Job.status)
    with read() as connection:
        for row in connection.execute(still):
            yield row.name, row.status, row.number, max(0.0, (at - row.oldest).total_seconds())
