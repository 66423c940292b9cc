"""The web process serves its metrics only to clients that send the metrics token."""

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
from tests.kit.clients.metrics import parse_metrics
from tests.kit.deployment.programs import child_pids, find_processes, programs
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


def test_request_with_metrics_token_returns_metrics(api: Api) -> None:
    response = api.client.get("/metrics", headers=BEARER)
    assert (response.status_code, response.headers["Content-Type"]) == (200, CONTENT_TYPE_LATEST)
    assert parse_metrics(response.text)["groundwork_oldest_job_age_seconds",] == 0


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_authorization_scheme_is_case_insensitive(api: Api, scheme: str) -> None:
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
def test_missing_or_wrong_token_is_rejected(api: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = api.client.get("/metrics", headers=headers)
    problem(response, 401, "metrics-token-required")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_access_token_of_a_user_is_rejected(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.as_new_user().tokens['access_token']}"}
    problem(api.client.get("/metrics", headers=headers), 401, "metrics-token-required")


def test_metrics_token_is_not_accepted_by_the_api(api: Api) -> None:
    problem(api.client.get("/api/v1/auth/me", headers=BEARER), 401, "token-invalid")


def test_metrics_route_accepts_any_host_and_forbids_caching(api: Api) -> None:
    response = api.client.get("/metrics", headers={**BEARER, "Host": "10.0.0.7:8000"})
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")


def test_metrics_response_has_no_cors_headers(api: Api) -> None:
    response = api.client.get("/metrics", headers={**BEARER, "Origin": ORIGIN})
    assert (response.status_code, "Access-Control-Allow-Origin" in response.headers) == (200, False)


def test_metrics_are_not_in_openapi_document(api: Api) -> None:
    assert "/metrics" not in api.client.get("/api/v1/openapi.json").json["paths"]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_metrics_route_does_not_exist_if_no_token_is_configured(settings: Settings, method: str) -> None:
    with application(settings) as app:
        problem(app.test_client().open("/metrics", method=method), 404, "not-found")


def test_restarted_web_process_serves_metrics(settings: Settings) -> None:
    with programs(settings, METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="1").web() as url:
        [first] = worker_pids(settings)
        os.kill(first, signal.SIGTERM)
        while worker_pids(settings) in ([], [first]):
            time.sleep(0.05)
        response = urllib3.request("GET", f"{url}/metrics", headers=BEARER, timeout=10)
    assert (response.status, "groundwork_oldest_job_age_seconds" in response.data.decode()) == (200, True)


def worker_pids(settings: Settings) -> list[int]:
    """Return the process IDs of the gunicorn workers."""
    return [child for pid in find_processes(settings.data_dir) for child in child_pids(pid)]
