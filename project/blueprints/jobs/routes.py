"""Listing background jobs, retrying dead ones and deleting finished ones."""

from typing import Any
from uuid import UUID

from project.blueprints.jobs import service
from project.blueprints.jobs.errors import JobNotDead, JobNotEnded
from project.blueprints.jobs.schemas import JobPage, JobQuery, JobResponse
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.routing.access import admin

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs", description="Background jobs, for administrators")


@blueprint.get("", access=admin)
@blueprint.arguments(JobQuery, location="query")
@blueprint.response(200, JobPage)
def list_jobs(query: dict[str, Any]) -> Any:
    """List jobs by status; dead jobs by default."""
    filters = {name: query[name] for name in ("status", "name")}
    return page_response(service.list_jobs(page_request(query), **filters))


@blueprint.get("/<uuid:job_id>", access=admin, exempt={"etag": "not versioned"})
@blueprint.response(200, JobResponse)
def get_job(job_id: UUID) -> Any:
    """Get a job."""
    return service.get_job(job_id)


@blueprint.post("/<uuid:job_id>/retry", access=admin, on_retry="job-not-dead")
@blueprint.raises(JobNotDead)
@blueprint.response(200, JobResponse)
def retry_job(job_id: UUID) -> Any:
    """Retry a dead job and reset its attempt count."""
    return service.retry_job(job_id)


@blueprint.delete("/<uuid:job_id>", access=admin, exempt={"if-match": "not versioned"})
@blueprint.raises(JobNotEnded)
@blueprint.response(204)
def purge_job(job_id: UUID) -> Any:
    """Delete a job that is done or dead."""
    service.delete_job(job_id)
