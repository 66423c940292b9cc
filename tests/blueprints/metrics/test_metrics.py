"""The metrics of web: for whoever has their token, and for nobody else."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
import urllib3
from flask import Flask
from prometheus_client import CONTENT_TYPE_LATEST

from project.config import Settings
from tests.kit.clients.api import Api, problem
from tests.kit.clients.metrics import measured
from tests.kit.deployment.programs import children, of_folder, programs
from tests.kit.fixtures.apps import application

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TOKEN = "for-tests-only-0123456789="
ORIGIN = "https://app.example.com"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    changed = {"metrics_token": TOKEN, "cors_origins": (ORIGIN,)}
    with application(settings.model_copy(update=changed)) as app:
        yield app


def test_whoever_has_the_token_reads_them(api: Api) -> None:
    api.signed_in().organization()
    answer = api.client.get("/metrics", headers=BEARER)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, CONTENT_TYPE_LATEST)
    assert measured(answer.text)["groundwork_oldest_job_age_seconds",] == 0


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_scheme_is_written_as_one_likes(api: Api, scheme: str) -> None:
    assert api.client.get("/metrics", headers={"Authorization": f"{scheme} {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}=",
        f"Bearer {TOKEN.upper()}",
        f"Bearer \xe9{TOKEN}",
        f"Basic {TOKEN}",
        TOKEN,
    ],
)
def test_another_token_is_refused(api: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = api.client.get("/metrics", headers=headers)
    problem(answer, 401, "metrics-token-required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_access_token_of_a_user_is_refused(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.signed_in().tokens['access_token']}"}
    problem(api.client.get("/metrics", headers=headers), 401, "metrics-token-required")


def test_token_of_metrics_opens_nothing_else(api: Api) -> None:
    problem(api.client.get("/api/v1/auth/me", headers=BEARER), 401, "token-invalid")


def test_they_are_read_by_any_name_and_kept_by_nobody(api: Api) -> None:
    answer = api.client.get("/metrics", headers={**BEARER, "Host": "10.0.0.7:8000"})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


def test_pages_of_listed_origins_do_not_read_them(api: Api) -> None:
    answer = api.client.get("/metrics", headers={**BEARER, "Origin": ORIGIN})
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer.headers) == (200, False)


def test_they_are_no_part_of_the_api(api: Api) -> None:
    assert "/metrics" not in api.client.get("/api/v1/openapi.json").json["paths"]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_without_a_token_there_are_none(settings: Settings, method: str) -> None:
    with application(settings) as app:
        problem(app.test_client().open("/metrics", method=method), 404, "not-found")


def test_web_process_that_ends_leaves_them_to_its_successor(settings: Settings) -> None:
    with programs(settings, METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="1").web() as url:
        [first] = web_processes(settings)
        os.kill(first, signal.SIGTERM)
        while web_processes(settings) in ([], [first]):
            time.sleep(0.05)
        answer = urllib3.request("GET", f"{url}/metrics", headers=BEARER, timeout=10)
    assert (answer.status, "groundwork_oldest_job_age_seconds" in answer.data.decode()) == (200, True)


def web_processes(settings: Settings) -> list[int]:
    """The children of gunicorn."""
    return [child for pid in of_folder(settings.data_dir) for child in children(pid)]
