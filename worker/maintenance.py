"""Periodic jobs that purge old idempotency keys and jobs."""

from datetime import timedelta

from project.config import current_settings
from project.infrastructure import idempotency_records, jobs
from project.infrastructure.clock import now
from worker.runner import job

PURGE_IDEMPOTENCY_KEYS = "worker.purge_idempotency_keys"
PURGE_JOBS = "worker.purge_jobs"
PERIODIC = dict.fromkeys((PURGE_IDEMPOTENCY_KEYS, PURGE_JOBS), timedelta(hours=1))


@job(PURGE_IDEMPOTENCY_KEYS)
def purge_idempotency_keys() -> None:
    """Delete expired idempotency keys."""
    idempotency_records.purge_expired()


@job(PURGE_JOBS)
def purge_jobs() -> None:
    """Delete completed and dead jobs whose retention period has ended."""
    settings = current_settings()
    jobs.purge_jobs("done", before=now() - timedelta(seconds=settings.done_job_retention_seconds))
    jobs.purge_jobs("dead", before=now() - timedelta(seconds=settings.dead_job_retention_seconds))
