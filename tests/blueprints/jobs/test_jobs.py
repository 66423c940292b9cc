"""Administrators can read, retry and purge background jobs."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.auth.jobs import SEND_VERIFICATION
from project.infrastructure import jobs
from project.infrastructure.database.models import new_id
from tests.kit.clients.api import Api, pointers, problem, success
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.fixtures.jobs import (
    JOB_NAME,
    claim_job,
    dead_job,
    done_job,
    enqueue_job,
    fail_job,
    get_job,
    run_concurrently,
)

OTHER_NAME = "tests.another_job"
CreateJob = Callable[..., str]


def running_job(**arguments: Any) -> UUID:
    return claim_job(enqueue_job(**arguments)).job_id


FACTORIES = {"queued": enqueue_job, "running": running_job, "done": done_job, "dead": dead_job}


@pytest.fixture
def admin(app: Flask, api: Api) -> Api:
    return create_administrator(app, api)


@pytest.fixture
def create_job(app: Flask) -> CreateJob:
    """Return a function that creates a job with the given status and returns its ID."""

    def create(status: str = "dead", **arguments: Any) -> str:
        with app.app_context():
            return str(FACTORIES[status](**arguments))

    return create


def list_ids(admin: Api, **query: str) -> list[str]:
    """Return the ids of the listed jobs, apart from the email jobs of the accounts that the tests register."""
    jobs = success(admin.get("/jobs", query_string=query))["items"]
    return [job["id"] for job in jobs if job["name"] != SEND_VERIFICATION]


def test_job_response_includes_arguments_attempts_and_last_error(app: Flask, admin: Api, create_job: CreateJob) -> None:
    file_id = str(new_id())
    job = success(admin.get(f"/jobs/{create_job(file_id=file_id)}"))
    assert (job["name"], job["arguments"]) == (JOB_NAME, {"file_id": file_id})
    assert (job["status"], job["attempts"], job["transient_failures"]) == ("dead", 1, 0)
    assert job["last_error"] == "WorkFailed: temporary error"
    assert job["finished_at"] > job["due_at"]


def test_job_response_includes_request_id_and_trace_id(admin: Api) -> None:
    request_id, trace_id = "the-cause", "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"X-Request-ID": request_id, "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    path = f"/organizations/{admin.organization()['id']}/invitations"
    success(admin.post(path, {"email": "grace@example.com", "role": "member"}, headers=headers))
    [job] = success(admin.get("/jobs?status=queued&name=invitations.send_invitation"))["items"]
    assert (job["request_id"], job["trace_id"]) == (request_id, trace_id)


def test_listing_shows_only_dead_jobs_by_default(admin: Api, create_job: CreateJob) -> None:
    ids = {status: create_job(status) for status in FACTORIES}
    assert list_ids(admin) == [ids["dead"]]
    assert {status: list_ids(admin, status=status) for status in FACTORIES} == {name: [ids[name]] for name in FACTORIES}


def test_jobs_can_be_filtered_by_name(admin: Api, create_job: CreateJob) -> None:
    ids = {name: create_job(name=name) for name in (JOB_NAME, OTHER_NAME)}
    assert {name: list_ids(admin, name=name) for name in ids} == {name: [ids[name]] for name in ids}
    assert list_ids(admin, name="tests.no_such_job") == []


def test_invalid_name_and_status_filters_are_rejected(admin: Api) -> None:
    response = admin.get("/jobs", query_string={"name": "'; DROP TABLE jobs", "status": "asleep"})
    assert pointers(problem(response, 422, "validation-failed")) == {("query", "/name"), ("query", "/status")}


def test_retry_resets_dead_job(app: Flask, admin: Api, create_job: CreateJob) -> None:
    job_id = create_job()
    retried = success(admin.post(f"/jobs/{job_id}/retry"))
    assert retried == success(admin.get(f"/jobs/{job_id}"))
    assert (retried["status"], retried["attempts"], retried["finished_at"]) == ("queued", 0, None)
    with app.app_context():
        assert claim_job(UUID(job_id)).attempts == 1


def test_retried_job_gets_the_full_number_of_attempts(app: Flask, admin: Api, create_job: CreateJob) -> None:
    job_id = UUID(create_job("queued"))
    app.extensions["settings"] = app.extensions["settings"].model_copy(update={"job_max_attempts": 2})
    with app.app_context():
        fail_job(claim_job(job_id), jobs.FailureKind.PERMANENT)
    success(admin.post(f"/jobs/{job_id}/retry"))
    with app.app_context():
        assert fail_job(claim_job(job_id)) is False


@pytest.mark.parametrize("status", ["queued", "running", "done"])
def test_retry_of_job_that_is_not_dead_is_rejected(app: Flask, admin: Api, create_job: CreateJob, status: str) -> None:
    job_id = create_job(status)
    body = problem(admin.post(f"/jobs/{job_id}/retry"), 409, "job-not-dead")
    assert status in body["detail"]
    with app.app_context():
        assert get_job(UUID(job_id)).status == status


def test_only_one_of_several_concurrent_retries_succeeds(app: Flask, admin: Api, create_job: CreateJob) -> None:
    job_id = create_job()
    responses = run_concurrently(app, lambda: admin.post(f"/jobs/{job_id}/retry"))
    assert sorted(response.status_code for response in responses) == [200] + [409] * (len(responses) - 1)


@pytest.mark.parametrize("status", ["done", "dead"])
def test_done_or_dead_job_can_be_purged(admin: Api, create_job: CreateJob, status: str) -> None:
    purged, kept = create_job(status), create_job(status)
    assert admin.delete(f"/jobs/{purged}").status_code == 204
    problem(admin.get(f"/jobs/{purged}"), 404, "not-found")
    assert list_ids(admin, status=status) == [kept]


@pytest.mark.parametrize("status", ["queued", "running"])
def test_purge_of_queued_or_running_job_is_rejected(admin: Api, create_job: CreateJob, status: str) -> None:
    job_id = create_job(status)
    body = problem(admin.delete(f"/jobs/{job_id}"), 409, "job-not-ended")
    assert status in body["detail"]
    assert success(admin.get(f"/jobs/{job_id}"))["status"] == status
