"""From a message to a job done: claim the row, work, finish, each guarded by the claim."""

from collections.abc import Callable
from uuid import UUID

from celery import shared_task

from project.infrastructure import observability, outbox
from project.infrastructure.database import guarded


class WorkerEnded(Exception):
    """Every attempt that was allowed ended its worker."""


Work = Callable[..., None]
_LONGEST_ERROR = 500


def job(
    name: str, *, on_dead: Work | None = None, permanent: tuple[type[Exception], ...] = ()
) -> Callable[[Work], Work]:
    """Make a function the task that does the jobs called `name`.

    It runs at least once. An exception has it tried again later; one of `permanent` lays the job to
    rest at once, as does the last attempt; then `on_dead` is called with the job's arguments.
    """

    def decorate(work: Work) -> Work:
        @shared_task(name=name)
        def run(job_id: str) -> None:
            perform(UUID(job_id), work, on_dead=on_dead, permanent=permanent)

        return work

    return decorate


def perform(
    job_id: UUID, work: Work, *, on_dead: Work | None = None, permanent: tuple[type[Exception], ...] = ()
) -> None:
    """Do a job, if it is still to be done and nobody else is at it."""
    claim = outbox.claim(job_id)
    if claim is None:
        return
    ids = {"job_id": str(job_id), "request_id": claim.request_id, "trace_id": claim.trace_id}
    observability.bind(job=claim.name, **ids)
    try:
        _attempt(claim, work)
    except outbox.ClaimLost:
        observability.logger.warning("job.claim_lost")
    except Exception as error:  # whatever a task raises decides only when it is tried again
        _postpone(claim, error, on_dead=on_dead, permanent=permanent)
    finally:
        observability.unbind("job", *ids)


def _attempt(claim: outbox.Claim, work: Work) -> None:
    if claim.is_spent:
        raise WorkerEnded
    with guarded(claim.ensure_held):
        work(**claim.arguments)
    outbox.finish(claim)
    observability.logger.info("job.done", attempts=claim.attempts)


def _postpone(
    claim: outbox.Claim, error: Exception, *, on_dead: Work | None, permanent: tuple[type[Exception], ...]
) -> None:
    text = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
    try:
        is_dead = outbox.fail(
            claim,
            text,
            permanent=isinstance(error, permanent),
            on_dead=lambda: on_dead(**claim.arguments) if on_dead else None,
        )
    except outbox.ClaimLost:
        observability.logger.warning("job.claim_lost")
        return
    event = "job.dead" if is_dead else "job.failed"
    observability.logger.warning(event, attempts=claim.attempts, exc_info=error)
