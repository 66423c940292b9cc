"""Trusted hosts: who names another one is refused, and what a request calls the service reaches nothing."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from project.config import Settings
from tests.kit.clients.api import PASSWORD, Api, problem
from tests.kit.deployment.programs import programs
from tests.kit.fixtures.apps import application, at_work
from tests.kit.fixtures.jobs import list_jobs

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PUBLIC = "https://api.example.com"
EVIL = "evil.example"
PROBES = ("/health/live", "/health/ready")
FOREIGN = (
    EVIL,
    "evil.example:8000",
    "api.example.com.evil.example",
    "evil.api.example.com",
    "example.com",
    "api.example.com@evil.example",
    "evil@api.example.com",
    "api.example.com.",
    "localhost.evil.example",
    "127.0.0.2",
    "10.1.2.3:8000",
    "[::2]",
    "api.example.com:x",
    "a/b",
    "",
)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """What answers at https://api.example.com."""
    with application(_public(settings)) as app:
        yield app


def _public(settings: Settings, **more: Any) -> Settings:
    named = {"app_env": "development", "public_url": PUBLIC, "data_dir": settings.data_dir}
    return Settings(**{**named, "database_url": settings.database_url, **more})


def called(app: Flask, host: str, path: str = "/api/v1/auth/me", **headers: str) -> TestResponse:
    """The answer to a request that calls the service `host`."""
    return app.test_client().get(path, headers={"Host": host, **headers})


@pytest.mark.parametrize("host", FOREIGN)
def test_request_that_names_another_host_is_refused(app: Flask, host: str) -> None:
    answer = called(app, host)
    assert problem(answer, 400, "malformed-request")["type"] == f"{PUBLIC}/problems/malformed-request"
    assert "evil" not in f"{answer.headers}{answer.get_data(as_text=True)}"


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/docs", "/dev/mail", "/api/v1/auth/login", "/health", "/health/live/"]
)
def test_every_path_and_none_is_refused_before_anything_else(app: Flask, path: str) -> None:
    problem(called(app, EVIL, path, Accept="text/xml"), 400, "malformed-request")


@pytest.mark.parametrize(
    "host", ["api.example.com", "API.Example.com:443", "api.example.com:8000", "localhost", "127.0.0.1:80"]
)
def test_own_name_and_this_machine_are_answered(app: Flask, host: str) -> None:
    problem(called(app, host), 401, "authentication-required")


@pytest.mark.parametrize("host", ["[::1]", "[::1]:8000"])
def test_own_address_of_the_sixth_version_is_answered(app: Flask, host: str) -> None:
    problem(called(app, host), 401, "authentication-required")


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("host", FOREIGN)
def test_health_is_told_whatever_the_host(app: Flask, path: str, host: str) -> None:
    assert called(app, host, path).status_code == 200


def test_names_that_are_set_are_all_that_there_are(settings: Settings) -> None:
    with application(_public(settings, trusted_hosts="web.internal, [fd00::1]")) as app:
        statuses = {host: called(app, host, "/").status_code for host in ("WEB.internal:80", "[fd00::1]", "localhost")}
    assert statuses == {"WEB.internal:80": 200, "[fd00::1]": 200, "localhost": 400}


@pytest.mark.parametrize("proxies", [0, 1])
def test_forwarded_host_is_never_believed(settings: Settings, proxies: int) -> None:
    with application(_public(settings, trusted_proxies=proxies)) as app:
        problem(called(app, EVIL, **{"X-Forwarded-Host": "api.example.com"}), 400, "malformed-request")
        trusted = called(app, "localhost", **{"X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}"})
    problem(trusted, 401, "authentication-required")
    assert EVIL not in f"{trusted.headers}{trusted.get_data(as_text=True)}"


def test_what_a_request_calls_the_service_reaches_no_answer_and_no_mail(app: Flask, settings: Settings) -> None:
    client = app.test_client()
    # A trusted name that is not the public one: it must not be repeated either.
    client.environ_base |= {"HTTP_HOST": "localhost:7777", "HTTP_X_FORWARDED_HOST": EVIL}
    owner = Api(client).signed_in()
    organizations = [owner.post("/organizations", {"name": f"Engines {number}"}) for number in range(2)]
    owner.invitation(organizations[0].json["id"], "grace@example.com")
    page = owner.get("/organizations?limit=1")
    answers = [*organizations, page, owner.upload(), owner.get("/nowhere")]
    seen = "".join(f"{answer.headers}{answer.get_data(as_text=True)}" for answer in answers)
    assert page.headers["Link"].startswith(f"<{PUBLIC}/api/v1/organizations?")
    with at_work(_public(settings)):
        seen += "".join(json.dumps(job.arguments) for job in list_jobs())
    assert not [name for name in (EVIL, "7777") if name in seen]


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """Where a gunicorn serves https://api.example.com."""
    with programs(settings, PUBLIC_URL=PUBLIC).web() as url:
        yield int(url.rpartition(":")[2])


def test_absolute_form_of_a_request_line_names_nobody(port: int) -> None:
    trusted = raw(port, f"GET http://{EVIL}/api/v1/nowhere HTTP/1.1", "Host: localhost")
    foreign = raw(port, "GET http://localhost/api/v1/nowhere HTTP/1.1", f"Host: {EVIL}")
    assert [answer[:13] for answer in (trusted, foreign)] == ["HTTP/1.1 404 ", "HTTP/1.1 400 "]
    assert EVIL not in trusted + foreign


def test_request_that_names_no_host_is_refused(port: int) -> None:
    nobody = ("Host: [::::]", "Host: [::1", "Host:", "Accept: */*")
    answers = [raw(port, "GET /api/v1/auth/me HTTP/1.0", host) for host in nobody]
    assert [answer[9:12] for answer in answers] == ["400"] * len(nobody)


def raw(port: int, *lines: str) -> str:
    """What is answered to these lines."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "\r\n"]).encode())
        return connection.makefile("rb").read().decode()


def test_account_is_made_by_no_request_to_another_host(app: Flask) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    for host, status in ((EVIL, 400), ("localhost", 201)):
        answer = app.test_client().post("/api/v1/auth/register", json=account, headers={"Host": host})
        assert answer.status_code == status
