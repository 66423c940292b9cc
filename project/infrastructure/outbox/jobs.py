"""The job table: writing a job with its cause, and finding those that nobody was told of."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from project.config import current_settings
from project.infrastructure import observability
from project.infrastructure.clock import now
from project.infrastructure.columns import Base, Timestamped
from project.infrastructure.database import after_commit, current_session, transaction
from project.infrastructure.outbox import publisher


class Job(Timestamped, Base):
    """`queued` → `running` → `done`, back to `queued` for another attempt, or `dead` when all are spent."""

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "status", "publish_at"),)

    name: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    publish_at: Mapped[datetime]
    claim_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    request_id: Mapped[str | None]
    trace_id: Mapped[str | None]


def enqueue(name: str, **arguments: Any) -> None:
    """Have the task called `name` run once this transaction has committed, and only then.

    `arguments` are JSON; ids become strings. It runs at least once, so it must do no harm twice.
    """
    at, grace = now(), timedelta(seconds=current_settings().job_republish_seconds)
    job = Job(
        name=name,
        arguments={key: str(value) if isinstance(value, UUID) else value for key, value in arguments.items()},
        due_at=at,
        publish_at=at + grace,
        request_id=observability.bound().get("request_id"),
        trace_id=observability.bound().get("trace_id"),
    )
    session = current_session()
    session.add(job)
    session.flush()
    after_commit(lambda: publisher.put(name, job.id))


def take_overdue(limit: int) -> list[tuple[UUID, str]]:
    """Id and name of jobs that must be handed over again: not taken in time, or held by a dead worker.

    Each is put off by JOB_REPUBLISH_SECONDS, so that two sweeps at once hand it over once.
    """
    at = now()
    overdue = select(Job.id).where(_is_overdue(at)).order_by(Job.publish_at).limit(limit)
    taken = (
        update(Job)
        .where(Job.id.in_(overdue.with_for_update(skip_locked=True)))
        .values(publish_at=at + timedelta(seconds=current_settings().job_republish_seconds))
        .returning(Job.id, Job.name)
    )
    with transaction() as session:
        return [(row.id, row.name) for row in session.execute(taken)]


def _is_overdue(at: datetime) -> Any:
    lease_over = func.coalesce(Job.leased_until, at) <= at
    return or_(Job.status == "queued", (Job.status == "running") & lease_over) & (Job.publish_at <= at)
