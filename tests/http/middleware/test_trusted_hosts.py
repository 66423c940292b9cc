"""Trusted hosts: requests to other hosts are rejected, and no response or job contains the `Host` header's value."""

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
from tests.kit.fixtures.apps import application, separate_app_context
from tests.kit.fixtures.jobs import list_jobs

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PUBLIC_URL = "https://api.example.com"
EVIL_HOST = "evil.example"
PROBES = ("/health/live", "/health/ready")
UNTRUSTED_HOSTS = (
    EVIL_HOST,
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
    """An application whose public URL is https://api.example.com."""
    with application(_public_settings(settings)) as app:
        yield app


def _public_settings(settings: Settings, **changes: Any) -> Settings:
    values = {"app_env": "development", "public_url": PUBLIC_URL, "data_dir": settings.data_dir}
    return Settings(**{**values, "database_url": settings.database_url, **changes})


def get(app: Flask, host: str, path: str = "/api/v1/auth/me", **headers: str) -> TestResponse:
    """Send a GET request with `host` as the `Host` header."""
    return app.test_client().get(path, headers={"Host": host, **headers})


@pytest.mark.parametrize("host", UNTRUSTED_HOSTS)
def test_untrusted_host_is_rejected(app: Flask, host: str) -> None:
    response = get(app, host)
    assert problem(response, 400, "malformed-request")["type"] == f"{PUBLIC_URL}/problems/malformed-request"
    assert "evil" not in f"{response.headers}{response.get_data(as_text=True)}"


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/docs", "/dev/mail", "/api/v1/auth/login", "/health", "/health/live/"]
)
def test_untrusted_host_is_rejected_on_every_path(app: Flask, path: str) -> None:
    problem(get(app, EVIL_HOST, path, Accept="text/xml"), 400, "malformed-request")


@pytest.mark.parametrize(
    "host", ["api.example.com", "API.Example.com:443", "api.example.com:8000", "localhost", "127.0.0.1:80"]
)
def test_public_host_and_loopback_hosts_are_trusted(app: Flask, host: str) -> None:
    problem(get(app, host), 401, "authentication-required")


@pytest.mark.parametrize("host", ["[::1]", "[::1]:8000"])
def test_ipv6_loopback_address_is_trusted(app: Flask, host: str) -> None:
    problem(get(app, host), 401, "authentication-required")


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("host", UNTRUSTED_HOSTS)
def test_health_probes_accept_any_host(app: Flask, path: str, host: str) -> None:
    assert get(app, host, path).status_code == 200


def test_configured_trusted_hosts_replace_the_defaults(settings: Settings) -> None:
    with application(_public_settings(settings, trusted_hosts="web.internal, [fd00::1]")) as app:
        statuses = {host: get(app, host, "/").status_code for host in ("WEB.internal:80", "[fd00::1]", "localhost")}
    assert statuses == {"WEB.internal:80": 200, "[fd00::1]": 200, "localhost": 400}


@pytest.mark.parametrize("proxies", [0, 1])
def test_forwarded_host_headers_are_ignored(settings: Settings, proxies: int) -> None:
    with application(_public_settings(settings, trusted_proxies=proxies)) as app:
        problem(get(app, EVIL_HOST, **{"X-Forwarded-Host": "api.example.com"}), 400, "malformed-request")
        trusted = get(app, "localhost", **{"X-Forwarded-Host": EVIL_HOST, "Forwarded": f"host={EVIL_HOST}"})
    problem(trusted, 401, "authentication-required")
    assert EVIL_HOST not in f"{trusted.headers}{trusted.get_data(as_text=True)}"


def test_host_header_does_not_appear_in_responses_or_job_arguments(app: Flask, settings: Settings) -> None:
    client = app.test_client()
    # This host is trusted but is not the public host, so it must not appear either.
    client.environ_base |= {"HTTP_HOST": "localhost:7777", "HTTP_X_FORWARDED_HOST": EVIL_HOST}
    owner = Api(client).as_new_user()
    organizations = [owner.post("/organizations", {"name": f"Engines {number}"}) for number in range(2)]
    owner.invitation(organizations[0].json["id"], "grace@example.com")
    page = owner.get("/organizations?limit=1")
    responses = [*organizations, page, owner.upload(), owner.get("/nowhere")]
    texts = "".join(f"{response.headers}{response.get_data(as_text=True)}" for response in responses)
    assert page.headers["Link"].startswith(f"<{PUBLIC_URL}/api/v1/organizations?")
    with separate_app_context(_public_settings(settings)):
        texts += "".join(json.dumps(job.arguments) for job in list_jobs())
    assert not [host for host in (EVIL_HOST, "7777") if host in texts]


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """The port of a gunicorn server whose public URL is https://api.example.com."""
    with programs(settings, PUBLIC_URL=PUBLIC_URL).web() as url:
        yield int(url.rpartition(":")[2])


def test_host_in_absolute_request_target_is_ignored(port: int) -> None:
    trusted = send_raw(port, f"GET http://{EVIL_HOST}/api/v1/nowhere HTTP/1.1", "Host: localhost")
    foreign = send_raw(port, "GET http://localhost/api/v1/nowhere HTTP/1.1", f"Host: {EVIL_HOST}")
    assert [response[:13] for response in (trusted, foreign)] == ["HTTP/1.1 404 ", "HTTP/1.1 400 "]
    assert EVIL_HOST not in trusted + foreign


def test_request_with_missing_or_invalid_host_is_rejected(port: int) -> None:
    headers = ("Host: [::::]", "Host: [::1", "Host:", "Accept: */*")
    responses = [send_raw(port, "GET /api/v1/auth/me HTTP/1.0", header) for header in headers]
    assert [response[9:12] for response in responses] == ["400"] * len(headers)


def send_raw(port: int, *lines: str) -> str:
    """Send `lines` as a request and return the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "\r\n"]).encode())
        return connection.makefile("rb").read().decode()


def test_request_to_untrusted_host_creates_no_account(app: Flask) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    for host, status in ((EVIL_HOST, 400), ("localhost", 201)):
        response = app.test_client().post("/api/v1/auth/register", json=account, headers={"Host": host})
        assert response.status_code == status
