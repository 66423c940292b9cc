"""Runs jobs: claims the row, calls the task's function, and finishes, fails or releases the job."""

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
    """The worker died during the last allowed attempt."""


Work = Callable[..., None]
Errors = tuple[type[BaseException], ...]
_UNAVAILABLE: Errors = (errors.Unavailable, MailUnavailable)


@dataclass(frozen=True)
class JobPolicy:
    """How jobs with the same name are run and retried."""

    work: Work
    on_dead: Work | None = None
    permanent: Errors = ()
    transient: Errors = ()
    limits: Limits = Limits()  # noqa: RUF009 - frozen

    def failure_kind(self, error: BaseException) -> FailureKind:
        """Return how `error` affects further attempts."""
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
    """Register a function as the task for jobs named `name`. The function runs at least once per job.

    If it raises, the exception determines how many times the job is attempted:

    - once, if its type is listed in `permanent`;
    - JOB_MAX_TRANSIENT_ATTEMPTS times, if its type is listed in `transient`, or if it means that the database, storage
      or mail server is unavailable;
    - JOB_MAX_ATTEMPTS times otherwise.

    After the last failed attempt, the job is marked dead and `on_dead` is called with the job's arguments. The limits
    default to JOB_TIME_LIMIT_SECONDS and JOB_MEMORY_LIMIT_BYTES.
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
    """Run a job, unless it is finished, not due or claimed by another worker."""
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
    """Return the outcome of an attempt: `done`, `failed` (rescheduled), `dead`, `released` or `lost`."""
    try:
        _work(claim, task)
        jobs.finish(claim)
    except jobs.ClaimLost:
        return _claim_lost()
    except WorkerShuttingDown:
        return _release(claim)
    except (Exception, Interrupted) as error:  # any error only determines whether and when to retry
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
        outcome = "dead" if jobs.fail(claim, _describe(error), task.failure_kind(error), on_dead=on_dead) else "failed"
    except jobs.ClaimLost:
        return _claim_lost()
    logging.logger.warning(f"job.{outcome}", attempts=claim.attempts, exc_info=error)
    return outcome


def _describe(error: BaseException) -> str:
    """Return the class name of an error with its message or, if that is empty, the first line of its docstring.

    The result is one printable line of at most MAX_ERROR_LENGTH characters.
    """
    message = str(error) or (type(error).__doc__ or "").partition("\n")[0]
    line = ": ".join(filter(None, (type(error).__name__, message)))
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
