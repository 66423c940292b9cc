"""Listing, retrying and deleting background jobs. Only `infrastructure.jobs` accesses the jobs table."""

from uuid import UUID

from project.blueprints.jobs.errors import JobNotDead, JobNotEnded
from project.errors import NotFound
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest


def list_jobs(page: PageRequest, *, status: jobs.JobStatus, name: str | None) -> Page[jobs.JobRow]:
    """Return a page of the jobs with this status and, unless it is `None`, this name."""
    return jobs.list_jobs(status, name, page)


def get_job(job_id: UUID) -> jobs.JobRow:
    """Return a job. Raises NotFound."""
    job = jobs.find_job(job_id)
    if job is None:
        raise NotFound(f"Job {job_id} does not exist.")
    return job


def retry_job(job_id: UUID) -> jobs.JobRow:
    """Requeue a dead job, reset its attempt count, and return it. The job is published after the commit.

    Raises NotFound, JobNotDead.
    """
    with transaction():
        was_dead = jobs.retry_job(job_id)
        job = get_job(job_id)
        if not was_dead:
            raise JobNotDead(f"Job {job_id} is {job.status}. Only dead jobs can be retried.")
    return job


def delete_job(job_id: UUID) -> None:
    """Delete a job that is done or dead. Raises NotFound, JobNotEnded."""
    with transaction():
        if not jobs.delete_job(job_id):
            raise JobNotEnded(
                f"Job {job_id} is {get_job(job_id).status}. Only jobs that are done or dead can be deleted."
            )
