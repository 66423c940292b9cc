"""The request log: one event per request, no forged events, and no secrets."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from project.app import create_app
from project.config import Settings
from project.http.routing.access import public
from project.infrastructure.database import db
from tests.kit.clients.api import PASSWORD, Api, problem

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORMATS = pytest.mark.parametrize("log_format", ["json", "console"])
Start = Callable[[str], Api]
Stderr = pytest.CaptureFixture[str]


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """A function that creates an application and returns a client for it.

    Call it inside the test, so that the application logs to the captured stderr.
    """
    apps: list[Flask] = []

    def start(log_format: str) -> Api:
        apps.append(create_app(settings.model_copy(update={"log_format": log_format})))
        return Api(apps[-1].test_client())

    yield start
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@FORMATS
def test_request_id_header_cannot_forge_a_log_event(capsys: Stderr, start: Start, log_format: str) -> None:
    forged = 'x", "event": "forged'
    response = start(log_format).client.get("/health/live", headers={"X-Request-ID": forged})
    (line,) = capsys.readouterr().err.splitlines()
    assert response.headers["X-Request-ID"] in line
    assert "forged" not in line


def test_request_is_logged_as_one_event(capsys: Stderr, start: Start) -> None:
    response = start("json").delete("/auth/me?secret=1")
    (event,) = map(json.loads, capsys.readouterr().err.splitlines())
    expected = {"event": "request", "method": "DELETE", "status": 405, "problem": "method-not-allowed"}
    assert {name: event[name] for name in expected} == expected
    assert event["request_id"] == response.headers["X-Request-ID"]


@FORMATS
def test_log_contains_no_secrets(capsys: Stderr, start: Start, log_format: str) -> None:
    ada = start(log_format).as_new_user()
    ada.post("/auth/refresh?token=in-the-query", {"refresh_token": ada.tokens["refresh_token"]})
    ada.post("/files", data={"file": (BytesIO(b"bytes"), "x.txt")})
    ada.post("/auth/login", {"email": "ada@example.com", "password": PASSWORD, "more": PASSWORD})
    secrets = [PASSWORD, ada.tokens["access_token"], ada.tokens["refresh_token"], "in-the-query"]
    log = capsys.readouterr().err
    assert log.count("/api/v1/auth/login") == 2
    assert not [secret for secret in secrets if secret in log]


@FORMATS
def test_traceback_is_logged_without_variable_values(capsys: Stderr, start: Start, log_format: str) -> None:
    def fail() -> Any:
        password = PASSWORD[::-1]
        raise RuntimeError(f"unexpected length {len(password)}")

    api = start(log_format)
    api.client.application.add_url_rule("/fails", view_func=fail, access=public)
    problem(api.client.get("/fails"), 500, "internal-error")
    log = capsys.readouterr().err
    assert "unexpected length" in log
    assert PASSWORD[::-1] not in log
