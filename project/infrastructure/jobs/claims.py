"""Claims on jobs.

Only the holder of a claim can finish, fail or release the job. A worker that has lost its claim cannot change the job.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import Table, Update, Uuid, and_, bindparam, or_, select, update

from project.config import current_settings
from project.infrastructure.clock import now
from project.infrastructure.database import current_connection, execute_autocommit, transaction
from project.infrastructure.database.models import UtcDateTime
from project.infrastructure.jobs.queue import Job

MAX_ERROR_LENGTH = 500
# A task is killed at, or shortly after, its time limit. The rest of the lease allows for clock skew.
_LEASE_PER_LIMIT = 1.25
_MAX_BACKOFF_SECONDS = 3600


class FailureKind(Enum):
    """Why an attempt failed. This determines how many times the job is attempted."""

    PERMANENT = "cannot succeed: the job is marked dead immediately"
    TRANSIENT = "a dependency is unavailable: JOB_MAX_TRANSIENT_ATTEMPTS applies"
    OTHER = "any other error: JOB_MAX_ATTEMPTS applies"


class ClaimLost(Exception):
    """The lease expired and another worker has claimed the job."""


@dataclass(frozen=True)
class Claim:
    """The exclusive right to run one job until the lease expires."""

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
    def counted_attempts(self) -> int:
        """The number of attempts that count against JOB_MAX_ATTEMPTS, including this one."""
        return self.attempts - self.transient_failures

    @property
    def is_exhausted(self) -> bool:
        """Whether no attempts were left when the job was claimed, because the worker died during the last one."""
        return self.counted_attempts > current_settings().job_max_attempts

    def ensure_held(self) -> None:
        """Lock the job's row until the transaction ends. Raises ClaimLost."""
        if current_connection().execute(_LOCK_MINE, self.key).first() is None:
            raise ClaimLost(self.job_id)

    @property
    def key(self) -> dict[str, UUID]:
        """The statement parameters that identify the job and the holder of its claim."""
        return {"job": self.job_id, "holder": self.id}


# Statements are built once, since building one costs as much as running it.
_TABLE = cast(Table, Job.__table__)
_IS_MINE = and_(Job.id == bindparam("job", type_=Uuid), Job.claim_id == bindparam("holder", type_=Uuid))
_AT = bindparam("at", type_=UtcDateTime)
_IS_FREE = or_(
    and_(Job.status == "queued", Job.due_at <= _AT),
    and_(Job.status == "running", Job.leased_until <= _AT),
)
_LOCK_MINE = select(_TABLE.c.id).where(_IS_MINE).with_for_update()
_CLAIM = (
    update(_TABLE)
    .where(Job.id == bindparam("job", type_=Uuid), _IS_FREE)
    .values(
        status="running",
        claim_id=bindparam("holder", type_=Uuid),
        attempts=Job.attempts + 1,
        leased_until=bindparam("until", type_=UtcDateTime),
        publish_at=bindparam("until", type_=UtcDateTime),
    )
    .returning(
        *(_TABLE.c[name] for name in ("name", "arguments", "attempts", "transient_failures", "due_at")),
        *(_TABLE.c[name] for name in ("request_id", "trace_id")),
    )
)
_END_CLAIM = update(_TABLE).where(_IS_MINE).values(claim_id=None, leased_until=None).returning(_TABLE.c.id)
_FINISH = _END_CLAIM.values(status="done", finished_at=_AT, last_error=None)
_MARK_DEAD = _END_CLAIM.values(status="dead", finished_at=_AT, last_error=bindparam("error"))
_RESCHEDULE = _END_CLAIM.values(
    status="queued",
    due_at=bindparam("due"),
    publish_at=bindparam("due"),
    last_error=bindparam("error"),
    transient_failures=bindparam("failures"),
)
_RELEASE = _END_CLAIM.values(status="queued", attempts=Job.attempts - 1, publish_at=_AT)


def claim(job_id: UUID, *, time_limit_seconds: float | None = None) -> Claim | None:
    """Claim a job and count the attempt. Returns None if the job is finished, already claimed or not due.

    The lease is longer than the time limit, which defaults to JOB_TIME_LIMIT_SECONDS.
    """
    at, claim_id = now(), uuid4()
    seconds = (time_limit_seconds or current_settings().job_time_limit_seconds) * _LEASE_PER_LIMIT
    values = {"job": job_id, "holder": claim_id, "at": at, "until": at + timedelta(seconds=seconds)}
    row = execute_autocommit(_CLAIM, values)
    return None if row is None else Claim(claim_id, job_id, claimed_at=at, **row._mapping)


def finish(claim: Claim) -> None:
    """Mark the job as done. Raises ClaimLost."""
    _end_claim(claim, _FINISH, at=now())


def fail(claim: Claim, error: str, kind: FailureKind, *, on_dead: Callable[[], None]) -> bool:
    """Reschedule the job, or mark it dead and call `on_dead` in the same transaction.

    `error` must have at most MAX_ERROR_LENGTH characters. Returns whether the job is dead. Raises ClaimLost.
    """
    if _is_last(claim, kind):
        with transaction():
            _end_claim(claim, _MARK_DEAD, at=now(), error=error)
            on_dead()
        return True
    due_at = now() + timedelta(seconds=_backoff(claim.attempts))
    failures = claim.transient_failures + (kind is FailureKind.TRANSIENT)
    _end_claim(claim, _RESCHEDULE, due=due_at, error=error, failures=failures)
    return False


def release(claim: Claim) -> None:
    """Requeue the job without counting the attempt, because its worker is shutting down. Raises ClaimLost."""
    _end_claim(claim, _RELEASE, at=now())


def _is_last(claim: Claim, kind: FailureKind) -> bool:
    if kind is FailureKind.TRANSIENT:
        return claim.transient_failures + 1 >= current_settings().job_max_transient_attempts
    return kind is FailureKind.PERMANENT or claim.counted_attempts >= current_settings().job_max_attempts


def _end_claim(claim: Claim, statement: Update, **values: Any) -> None:
    if execute_autocommit(statement, {**claim.key, **values}) is None:
        raise ClaimLost(claim.job_id)


def _backoff(attempts: int) -> float:
    # The exponent is capped, since 2 to the power of a large number of attempts would overflow a float.
    max_seconds = min(current_settings().job_initial_backoff_seconds * 2 ** min(attempts - 1, 20), _MAX_BACKOFF_SECONDS)
    return random.uniform(max_seconds / 2, max_seconds)  # noqa: S311 - jitter is no secret
