"""What can be done with background jobs. Their table is that of the outbox, which alone knows how they move."""

from typing import Any
from uuid import UUID

from project.blueprints.jobs.errors import JobNotDead, JobNotEnded
from project.errors import NotFound
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest


def list_jobs(page: PageRequest, *, status: str, name: str | None) -> Page:
    """The jobs that have a status, and perhaps a name."""
    return jobs.list_jobs(status, name, page)


def get_job(job_id: UUID) -> Any:
    """One job. Raises NotFound."""
    job = jobs.find_job(job_id)
    if job is None:
        raise NotFound(f"Job {job_id} does not exist.")
    return job


def retry(job_id: UUID) -> Any:
    """The job, no longer dead: it is tried again as if it were new, soon after this commits.

    Raises NotFound, JobNotDead.
    """
    with transaction():
        was_dead = jobs.retry_job(job_id)
        job = get_job(job_id)
        if not was_dead:
            raise JobNotDead(f"Job {job_id} is {job.status}. Only dead jobs can be retried.")
    return job


def purge(job_id: UUID) -> None:
    """Forget a job that is done or dead. Raises NotFound, JobNotEnded."""
    with transaction():
        if not jobs.delete_job(job_id):
            raise JobNotEnded(
                f"Job {job_id} is {get_job(job_id).status}. Only jobs that are done or dead can be deleted."
            )
