"""From a message to a job done: claim the row, work, finish, each guarded by the claim."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from celery import shared_task

from project import errors
from project.infrastructure import jobs, logging, metrics
from project.infrastructure.database import guarded
from project.infrastructure.jobs import FailureKind
from project.infrastructure.mail import MailUnavailable
from worker.task_limits import Interrupted, Limits, WorkerShuttingDown, celery_limits, enforce


class WorkerDied(Exception):
    """Every attempt that was allowed ended its worker."""


Work = Callable[..., None]
Errors = tuple[type[BaseException], ...]
_UNAVAILABLE: Errors = (errors.Unavailable, MailUnavailable)


@dataclass(frozen=True)
class JobPolicy:
    """How the jobs of a name are done."""

    work: Work
    on_dead: Work | None = None
    permanent: Errors = ()
    transient: Errors = ()
    limits: Limits = Limits()  # noqa: RUF009 - frozen

    def why(self, error: BaseException) -> FailureKind:
        """The class of what went wrong."""
        if isinstance(error, self.permanent):
            return FailureKind.PERMANENT
        return FailureKind.TRANSIENT if isinstance(error, (*_UNAVAILABLE, *self.transient)) else FailureKind.OTHER


def job(
    name: str,
    *,
    on_dead: Work | None = None,
    permanent: Errors = (),
    transient: Errors = (),
    time_limit_seconds: float | None = None,
    memory_limit_bytes: int | None = None,
) -> Callable[[Work], Work]:
    """Make a function the task that does the jobs called `name`.

    It runs at least once. An exception has it tried again later, JOB_MAX_ATTEMPTS times in all; one of `transient`, or
    what says that the database, the store or the mail server is away, JOB_MAX_TRANSIENT_ATTEMPTS times; one of
    `permanent` lays the job to rest at once, as does the last attempt. Then `on_dead` is called with the job's
    arguments. The limits are JOB_TIME_LIMIT_SECONDS and JOB_MEMORY_LIMIT_BYTES unless given.
    """

    def decorate(work: Work) -> Work:
        task = JobPolicy(work, on_dead, permanent, transient, Limits(time_limit_seconds, memory_limit_bytes))
        options: dict[str, Any] = {} if time_limit_seconds is None else celery_limits(time_limit_seconds)

        @shared_task(name=name, **options)
        def run(job_id: str) -> None:
            run_job(UUID(job_id), task)

        return work

    return decorate


def run_job(job_id: UUID, task: JobPolicy) -> None:
    """Do a job, if it is still to be done and nobody else is at it."""
    claim = jobs.claim(job_id, time_limit_seconds=task.limits.time_seconds)
    if claim is None:
        return
    ids = {"job_id": str(job_id), "request_id": claim.request_id, "trace_id": claim.trace_id}
    logging.bind(job=claim.name, **ids)
    try:
        with metrics.measure_job(claim.name, claim.claimed_at - claim.due_at) as outcome:
            outcome.name = _attempt(claim, task)
    finally:
        logging.unbind("job", *ids)


def _attempt(claim: jobs.Claim, task: JobPolicy) -> str:
    """The outcome of an attempt: `done`, `failed` (there will be another one), `dead`, `released` or `lost`."""
    try:
        _work(claim, task)
        jobs.finish(claim)
    except jobs.ClaimLost:
        return _claim_lost()
    except WorkerShuttingDown:
        return _release(claim)
    except (Exception, Interrupted) as error:  # whatever a task raises decides only when it is tried again
        return _fail(claim, task, error)
    logging.logger.info("job.done", attempts=claim.attempts)
    return "done"


def _work(claim: jobs.Claim, task: JobPolicy) -> None:
    if claim.is_exhausted:
        raise WorkerDied
    with guarded(claim.ensure_held), enforce(task.limits):
        task.work(**claim.arguments)


def _fail(claim: jobs.Claim, task: JobPolicy, error: BaseException) -> str:
    def on_dead() -> None:
        if task.on_dead:
            task.on_dead(**claim.arguments)

    try:
        outcome = "dead" if jobs.fail(claim, _describe(error), task.why(error), on_dead=on_dead) else "failed"
    except jobs.ClaimLost:
        return _claim_lost()
    logging.logger.warning(f"job.{outcome}", attempts=claim.attempts, exc_info=error)
    return outcome


def _describe(error: BaseException) -> str:
    """What an error says, or what it means if it says nothing: in one line that a column and a terminal can hold."""
    words = str(error) or (type(error).__doc__ or "").partition("\n")[0]
    line = ": ".join(filter(None, (type(error).__name__, words)))
    return "".join(char if char.isprintable() else " " for char in line)[: jobs.MAX_ERROR_LENGTH]


def _release(claim: jobs.Claim) -> str:
    try:
        jobs.release(claim)
    except jobs.ClaimLost:
        return _claim_lost()
    logging.logger.info("job.released", attempts=claim.attempts)
    return "released"


def _claim_lost() -> str:
    logging.logger.warning("job.claim_lost")
    return "lost"
