"""Claiming a job, and ending it: only the holder of the claim may, so a worker that wakes up late changes nothing."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Update, select, update

from project.config import current_settings
from project.infrastructure.clock import now
from project.infrastructure.database import current_session, transaction
from project.infrastructure.outbox.jobs import Job

# Celery ends a task at its time limit; a quarter more is for clocks that differ.
_LEASE_PER_LIMIT = 1.25
_LONGEST_BACKOFF_SECONDS = 3600


class ClaimLost(Exception):
    """The lease ran out and another worker took the job over."""


@dataclass(frozen=True)
class Claim:
    """The right to do one job, until the lease ends."""

    id: UUID
    job_id: UUID
    name: str
    arguments: dict[str, Any]
    attempts: int
    request_id: str | None
    trace_id: str | None

    @property
    def is_spent(self) -> bool:
        """Whether all attempts were made before this one, and none came to an end."""
        return self.attempts > current_settings().job_attempts

    def ensure_held(self) -> None:
        """Lock the job's row for this transaction. Raises ClaimLost."""
        mine = select(Job.id).where(Job.id == self.job_id, Job.claim_id == self.id).with_for_update()
        if current_session().execute(mine).first() is None:
            raise ClaimLost(self.job_id)


def claim(job_id: UUID) -> Claim | None:
    """The claim on a job that is due, its attempt counted at once; None if it is done, held or not due."""
    at, claim_id = now(), uuid4()
    taken = (
        update(Job)
        .where(Job.id == job_id, _is_free(at))
        .values(
            status="running",
            claim_id=claim_id,
            attempts=Job.attempts + 1,
            leased_until=at + _lease(),
            publish_at=at + _lease(),
        )
        .returning(Job.name, Job.arguments, Job.attempts, Job.request_id, Job.trace_id)
    )
    with transaction() as session:
        row = session.execute(taken).first()
    return None if row is None else Claim(claim_id, job_id, **row._mapping)


def finish(claim: Claim) -> None:
    """The job is done. Raises ClaimLost."""
    _end(claim, status="done", finished_at=now(), last_error=None)


def fail(claim: Claim, error: str, *, permanent: bool, on_dead: Callable[[], None]) -> bool:
    """Put the job off for another attempt, or to rest; then `on_dead` runs in the same transaction.

    Returns whether it rests. Raises ClaimLost.
    """
    if permanent or claim.attempts >= current_settings().job_attempts:
        with transaction():
            _end(claim, status="dead", finished_at=now(), last_error=error)
            on_dead()
        return True
    due_at = now() + timedelta(seconds=_backoff(claim.attempts))
    _end(claim, status="queued", due_at=due_at, publish_at=due_at, last_error=error)
    return False


def _end(claim: Claim, **values: Any) -> None:
    with transaction() as session:
        ended = _mine(claim).values(claim_id=None, leased_until=None, **values).returning(Job.id)
        if session.execute(ended).first() is None:
            raise ClaimLost(claim.job_id)


def _mine(claim: Claim) -> Update:
    return update(Job).where(Job.id == claim.job_id, Job.claim_id == claim.id)


def _is_free(at: datetime) -> Any:
    return ((Job.status == "queued") & (Job.due_at <= at)) | ((Job.status == "running") & (Job.leased_until <= at))


def _lease() -> timedelta:
    return timedelta(seconds=current_settings().job_time_limit_seconds * _LEASE_PER_LIMIT)


def _backoff(attempts: int) -> float:
    longest = min(current_settings().job_backoff_seconds * 2 ** (attempts - 1), _LONGEST_BACKOFF_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter is no secret
