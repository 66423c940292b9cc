"""The job table: enqueues jobs, and finds those that must be published again."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_, literal, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from project.config import current_settings
from project.infrastructure import logging
from project.infrastructure.clock import now
from project.infrastructure.database import after_commit, insert_missing, lock_batch, transaction
from project.infrastructure.database.models import Base, Timestamped, new_id
from project.infrastructure.jobs import publisher

_ACTIVE = text("status IN ('queued', 'running')")
_KEYED = text("dedupe_key IS NOT NULL")


class Job(Timestamped, Base):
    """A job: `queued` → `running` → `done`, back to `queued` for another attempt, or `dead` after the last one.

    `attempts` counts all claims. `transient_failures` counts those that do not count against JOB_MAX_ATTEMPTS.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        # A partial index, so that even a large number of finished jobs does not slow down the search for active ones.
        Index("ix_jobs_active", "publish_at", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("uq_jobs_dedupe", "name", "dedupe_key", unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED),
        Index(None, "status", "id"),
        Index(None, "status", "name", "id"),
    )

    name: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    dedupe_key: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    transient_failures: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime]
    publish_at: Mapped[datetime]
    claim_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    request_id: Mapped[str | None]
    trace_id: Mapped[str | None]


def enqueue(name: str, /, *, dedupe_key: str | None = None, delay_seconds: float = 0, **arguments: Any) -> None:
    """Enqueue a job named `name`. It runs only if this transaction commits.

    `arguments` must be JSON values; UUIDs are converted to strings. The task runs at least once, so it must be
    idempotent. If a job with this name and `dedupe_key` exists, even a completed one, nothing is enqueued.
    """
    at = now()
    due_at = at + timedelta(seconds=delay_seconds)
    is_due = due_at <= at
    publish_at = at + republish_delay() if is_due else due_at
    row = _row(name, arguments, dedupe_key=dedupe_key, due_at=due_at, publish_at=publish_at)
    if insert_missing(Job, [row]) and is_due:
        after_commit(lambda: publisher.put(name, row["id"]))


def enqueue_each(name: str, arguments: Iterable[Mapping[str, Any]]) -> None:
    """Enqueue a job named `name` for each item of `arguments` in one statement, skipping those already enqueued.

    The republish task publishes them no faster than workers drain the broker, so even a large number of them does not
    delay other jobs.
    """
    at = now()
    rows = [_row(name, each, dedupe_key=_digest(each), due_at=at, publish_at=at) for each in arguments]
    insert_missing(Job, rows)


def pop_overdue(limit: int) -> list[tuple[UUID, str]]:
    """Return the ids and names of the jobs that were not claimed in time, or whose worker died, to be published again.

    Postpones the next publication of each job by JOB_REPUBLISH_DELAY_SECONDS, so that concurrent republish tasks
    publish it only once.
    """
    at = now()
    overdue = select(Job.id).where(_is_overdue(at)).order_by(Job.publish_at).limit(limit)
    statement = (
        update(Job)
        .where(Job.id.in_(lock_batch(overdue)))
        .values(publish_at=at + republish_delay())
        .returning(Job.id, Job.name)
    )
    with transaction() as connection:
        return [(row.id, row.name) for row in connection.execute(statement)]


def republish_delay() -> timedelta:
    """Return how long a published job may wait for a worker before it is published again."""
    return timedelta(seconds=current_settings().job_republish_delay_seconds)


def is_active() -> ColumnElement[bool]:
    """Return the condition that a job is queued or running.

    It uses literals, so that the database can match it to the partial index `ix_jobs_active`.
    """
    return Job.status.in_([literal(status, literal_execute=True) for status in ("queued", "running")])


def _is_overdue(at: datetime) -> ColumnElement[bool]:
    is_lease_expired = or_(Job.leased_until.is_(None), Job.leased_until <= at)
    return and_(is_active(), Job.publish_at <= at, is_lease_expired)


def _row(name: str, arguments: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    context = logging.context()
    return {
        "id": new_id(),
        "name": name,
        "arguments": {key: str(value) if isinstance(value, UUID) else value for key, value in arguments.items()},
        "request_id": context.get("request_id"),
        "trace_id": context.get("trace_id"),
        **values,
    }


def _digest(arguments: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(arguments, sort_keys=True, default=str).encode()).hexdigest()
