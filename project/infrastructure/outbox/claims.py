"""Claiming a job, and ending it: only the holder of the claim may, so a worker that wakes up late changes nothing."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Update, select, update

from project.config import current_settings
from project.infrastructure.clock import now
from project.infrastructure.database import current_session, transaction
from project.infrastructure.outbox.jobs import Job

# A task is ended at its time limit, or a little later; the rest is for clocks that differ.
_LEASE_PER_LIMIT = 1.25
_LONGEST_BACKOFF_SECONDS = 3600


class Failure(Enum):
    """Why an attempt failed, which decides how often there is another one."""

    PERMANENT = "it will never succeed"
    TRANSIENT = "something outside is away: JOB_TRANSIENT_ATTEMPTS"
    OTHER = "whatever else: JOB_ATTEMPTS"


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
    transient_failures: int
    due_at: datetime
    claimed_at: datetime
    request_id: str | None
    trace_id: str | None

    @property
    def strikes(self) -> int:
        """Attempts that are held against the job, with this one."""
        return self.attempts - self.transient_failures

    @property
    def is_spent(self) -> bool:
        """Whether all attempts were made before this one, and none came to an end."""
        return self.strikes > current_settings().job_attempts

    def ensure_held(self) -> None:
        """Lock the job's row for this transaction. Raises ClaimLost."""
        mine = select(Job.id).where(Job.id == self.job_id, Job.claim_id == self.id).with_for_update()
        if current_session().execute(mine).first() is None:
            raise ClaimLost(self.job_id)


def claim(job_id: UUID, *, time_limit_seconds: float | None = None) -> Claim | None:
    """The claim on a job that is due, its attempt counted at once; None if it is done, held or not due.

    The lease is longer than the time limit: JOB_TIME_LIMIT_SECONDS, unless the job has its own.
    """
    at, claim_id = now(), uuid4()
    limit = time_limit_seconds or current_settings().job_time_limit_seconds
    leased_until = at + timedelta(seconds=limit * _LEASE_PER_LIMIT)
    taken = (
        update(Job)
        .where(Job.id == job_id, _is_free(at))
        .values(
            status="running",
            claim_id=claim_id,
            attempts=Job.attempts + 1,
            leased_until=leased_until,
            publish_at=leased_until,
        )
        .returning(
            Job.name,
            Job.arguments,
            Job.attempts,
            Job.transient_failures,
            Job.due_at,
            Job.request_id,
            Job.trace_id,
        )
    )
    with transaction() as session:
        row = session.execute(taken).first()
    return None if row is None else Claim(claim_id, job_id, claimed_at=at, **row._mapping)


def finish(claim: Claim) -> None:
    """The job is done. Raises ClaimLost."""
    _end(claim, status="done", finished_at=now(), last_error=None)


def fail(claim: Claim, error: str, why: Failure, *, on_dead: Callable[[], None]) -> bool:
    """Put the job off for another attempt, or to rest; then `on_dead` runs in the same transaction.

    Returns whether it rests. Raises ClaimLost.
    """
    if _is_last(claim, why):
        with transaction():
            _end(claim, status="dead", finished_at=now(), last_error=error)
            on_dead()
        return True
    due_at = now() + timedelta(seconds=_backoff(claim.attempts))
    forgiven = claim.transient_failures + (why is Failure.TRANSIENT)
    _end(claim, status="queued", due_at=due_at, publish_at=due_at, last_error=error, transient_failures=forgiven)
    return False


def release(claim: Claim) -> None:
    """Give the job back undone, as if it had not been claimed: its worker must end. Raises ClaimLost."""
    _end(claim, status="queued", attempts=claim.attempts - 1, publish_at=now())


def _is_last(claim: Claim, why: Failure) -> bool:
    if why is Failure.TRANSIENT:
        return claim.transient_failures + 1 >= current_settings().job_transient_attempts
    return why is Failure.PERMANENT or claim.strikes >= current_settings().job_attempts


def _end(claim: Claim, **values: Any) -> None:
    with transaction() as session:
        ended = _mine(claim).values(claim_id=None, leased_until=None, **values).returning(Job.id)
        if session.execute(ended).first() is None:
            raise ClaimLost(claim.job_id)


def _mine(claim: Claim) -> Update:
    return update(Job).where(Job.id == claim.job_id, Job.claim_id == claim.id)


def _is_free(at: datetime) -> Any:
    return ((Job.status == "queued") & (Job.due_at <= at)) | ((Job.status == "running") & (Job.leased_until <= at))


def _backoff(attempts: int) -> float:
    # Bounded before it is raised: two to the power of a great many attempts is no float.
    longest = min(current_settings().job_backoff_seconds * 2 ** min(attempts - 1, 20), _LONGEST_BACKOFF_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter is no secret
