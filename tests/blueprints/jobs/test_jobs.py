"""What administrators see of background jobs, and what they do with them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from project.infrastructure import jobs
from project.infrastructure.database.models import new_id
from tests.kit.clients.api import Api, created, pointers, problem
from tests.kit.fixtures.administrators import administrator
from tests.kit.fixtures.jobs import NAME, claim_job, dead_job, done_job, enqueue_job, fail, get_job, run_concurrently

OTHER = "tests.another_job"
Make = Callable[..., str]


def running(**arguments: Any) -> UUID:
    return claim_job(enqueue_job(**arguments)).job_id


MAKERS = {"queued": enqueue_job, "running": running, "done": done_job, "dead": dead_job}


@pytest.fixture
def admin(app: Flask, api: Api) -> Api:
    return administrator(app, api)


@pytest.fixture
def a_job(app: Flask) -> Make:
    """Makes a job that has a status; its id."""

    def make(status: str = "dead", **arguments: Any) -> str:
        with app.app_context():
            return str(MAKERS[status](**arguments))

    return make


def listed(admin: Api, **query: str) -> list[str]:
    return [item["id"] for item in created(admin.get("/jobs", query_string=query))["items"]]


def test_a_job_tells_what_it_is_and_what_went_wrong(app: Flask, admin: Api, a_job: Make) -> None:
    file_id = str(new_id())
    shown = created(admin.get(f"/jobs/{a_job(file_id=file_id)}"))
    assert (shown["name"], shown["arguments"]) == (NAME, {"file_id": file_id})
    assert (shown["status"], shown["attempts"], shown["transient_failures"]) == ("dead", 1, 0)
    assert shown["last_error"] == "Mishap: once more"
    assert shown["finished_at"] > shown["due_at"]


def test_a_job_leads_to_the_request_that_caused_it(admin: Api) -> None:
    request_id, trace_id = "the-cause", "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"X-Request-ID": request_id, "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    path = f"/organizations/{admin.organization()['id']}/invitations"
    created(admin.post(path, {"email": "grace@example.com", "role": "member"}, headers=headers))
    [shown] = created(admin.get("/jobs?status=queued"))["items"]
    assert (shown["request_id"], shown["trace_id"]) == (request_id, trace_id)


def test_what_is_dead_is_listed_unless_something_else_is_asked_for(admin: Api, a_job: Make) -> None:
    ids = {status: a_job(status) for status in MAKERS}
    assert listed(admin) == [ids["dead"]]
    assert {status: listed(admin, status=status) for status in MAKERS} == {name: [ids[name]] for name in MAKERS}


def test_jobs_are_listed_by_name(admin: Api, a_job: Make) -> None:
    ids = {name: a_job(name=name) for name in (NAME, OTHER)}
    assert {name: listed(admin, name=name) for name in ids} == {name: [ids[name]] for name in ids}
    assert listed(admin, name="tests.no_such_job") == []


def test_what_is_no_name_or_no_status_is_refused(admin: Api) -> None:
    answer = admin.get("/jobs", query_string={"name": "'; DROP TABLE jobs", "status": "asleep"})
    assert pointers(problem(answer, 422, "validation-failed")) == {("query", "/name"), ("query", "/status")}


def test_a_dead_job_is_tried_again_as_if_it_were_new(app: Flask, admin: Api, a_job: Make) -> None:
    job_id = a_job()
    retried = created(admin.post(f"/jobs/{job_id}/retry"))
    assert retried == created(admin.get(f"/jobs/{job_id}"))
    assert (retried["status"], retried["attempts"], retried["finished_at"]) == ("queued", 0, None)
    with app.app_context():
        assert claim_job(UUID(job_id)).attempts == 1


def test_a_job_that_had_used_up_all_attempts_has_all_of_them_again(app: Flask, admin: Api, a_job: Make) -> None:
    job_id = UUID(a_job("queued"))
    app.extensions["settings"] = app.extensions["settings"].model_copy(update={"job_max_attempts": 2})
    with app.app_context():
        fail(claim_job(job_id), jobs.FailureKind.PERMANENT)
    created(admin.post(f"/jobs/{job_id}/retry"))
    with app.app_context():
        assert fail(claim_job(job_id)) is False


@pytest.mark.parametrize("status", ["queued", "running", "done"])
def test_what_is_not_dead_is_not_tried_again(app: Flask, admin: Api, a_job: Make, status: str) -> None:
    job_id = a_job(status)
    told = problem(admin.post(f"/jobs/{job_id}/retry"), 409, "job-not-dead")
    assert status in told["detail"]
    with app.app_context():
        assert get_job(UUID(job_id)).status == status


def test_of_several_who_retry_a_job_at_once_one_wins(app: Flask, admin: Api, a_job: Make) -> None:
    job_id = a_job()
    answers = run_concurrently(app, lambda: admin.post(f"/jobs/{job_id}/retry"))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (len(answers) - 1)


@pytest.mark.parametrize("status", ["done", "dead"])
def test_a_job_that_has_ended_is_purged(admin: Api, a_job: Make, status: str) -> None:
    purged, kept = a_job(status), a_job(status)
    assert admin.delete(f"/jobs/{purged}").status_code == 204
    problem(admin.get(f"/jobs/{purged}"), 404, "not-found")
    assert listed(admin, status=status) == [kept]


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_job_that_is_still_to_be_done_is_not_purged(admin: Api, a_job: Make, status: str) -> None:
    job_id = a_job(status)
    told = problem(admin.delete(f"/jobs/{job_id}"), 409, "job-not-ended")
    assert status in told["detail"]
    assert created(admin.get(f"/jobs/{job_id}"))["status"] == status
