"""CORS: pages of listed origins may read every answer, pages of others none."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from project.config import Settings
from project.http.routing.access import public
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import application

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LISTED = "https://app.example.com"
FOREIGN = (
    "https://evil.example",
    "null",
    "",
    "*",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "https://app.example.com.evil.example",
    "https://evil.example, https://app.example.com",
    "HTTPS://APP.EXAMPLE.COM",
)
REQUESTS: dict[int, tuple[str, str, dict[str, Any]]] = {
    200: ("GET", "/health/live", {}),
    304: ("GET", "/static/style.css", {"headers": {"If-None-Match": "*"}}),
    400: ("POST", "/api/v1/auth/login", {"data": b"{", "content_type": "application/json"}),
    401: ("GET", "/api/v1/auth/me", {}),
    404: ("GET", "/nowhere", {}),
    405: ("DELETE", "/api/v1/auth/me", {}),
    406: ("GET", "/health/live", {"headers": {"Accept": "text/xml"}}),
    415: ("POST", "/api/v1/auth/login", {"data": b"x"}),
    422: ("POST", "/api/v1/auth/login", {"json": {}}),
    500: ("GET", "/fails", {}),
}
READABLE = {"ETag", "Link", "Location", "X-Request-ID", "Retry-After", "Idempotency-Replayed", "RateLimit"}
READABLE |= {"RateLimit-Policy", "Content-Disposition", "Repr-Digest", "Content-Range", "Deprecation", "Sunset"}
SENDABLE = {"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Range"}
SENDABLE |= {"X-Request-ID", "traceparent"}


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    origins = (LISTED, "http://localhost:3000")
    with application(settings.model_copy(update={"cors_origins": origins})) as app:
        app.add_url_rule("/fails", view_func=lambda: 1 / 0, access=public)
        yield app


def answer(api: Api, origin: str | None, status: int = 200) -> Any:
    """The answer of this status to a page of `origin`."""
    method, path, options = REQUESTS[status]
    headers = {**options.get("headers", {}), **({} if origin is None else {"Origin": origin})}
    answer = api.client.open(path, method=method, **{**options, "headers": headers}, buffered=True)
    assert answer.status_code == status
    return answer


def preflight(api: Api, origin: str, path: str, method: str = "POST") -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return api.client.options(path, headers={**headers, "Access-Control-Request-Headers": "content-type"})


def grants(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


def words(header: str) -> set[str]:
    return set(header.split(", "))


@pytest.mark.parametrize("status", REQUESTS)
def test_listed_origin_reads_every_status(api: Api, status: int) -> None:
    granted = grants(answer(api, LISTED, status))
    assert granted.pop("Access-Control-Allow-Origin") == LISTED
    assert words(granted.pop("Access-Control-Expose-Headers")) == READABLE
    assert granted == {}


def test_each_listed_origin_is_granted_by_its_own_name(api: Api) -> None:
    other = "http://localhost:3000"
    assert answer(api, other).headers["Access-Control-Allow-Origin"] == other


@pytest.mark.parametrize("status", REQUESTS)
@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
def test_foreign_origin_reads_no_status(api: Api, status: int, origin: str | None) -> None:
    assert grants(answer(api, origin, status)) == {}


@pytest.mark.parametrize("origin", FOREIGN)
def test_origin_that_is_not_exactly_a_listed_one_is_foreign(api: Api, origin: str) -> None:
    assert grants(answer(api, origin)) == {}


@pytest.mark.parametrize("origin", [None, LISTED, "https://evil.example"])
def test_caches_are_told_that_answers_differ_by_origin(api: Api, origin: str | None) -> None:
    assert words(answer(api, origin).headers["Vary"]) == {"Origin"}


def test_what_answers_differ_by_otherwise_is_still_said(api: Api) -> None:
    headers = {"Origin": LISTED}
    assert words(api.client.get("/dev/mail", headers=headers).headers["Vary"]) == {"Accept", "Origin"}


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/auth/me", "/health/live", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_preflight_of_a_listed_origin_is_granted(api: Api, path: str, method: str) -> None:
    answer = preflight(api, LISTED, path, method)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED
    assert method in words(answer.headers["Access-Control-Allow-Methods"])
    assert words(answer.headers["Access-Control-Allow-Headers"]) == SENDABLE
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/nowhere"])
def test_preflight_of_a_foreign_origin_is_not(api: Api, origin: str, path: str) -> None:
    assert grants(preflight(api, origin, path)) == {}


def test_options_without_a_preflight_say_which_methods_there_are(api: Api) -> None:
    answer = api.client.options("/api/v1/auth/login", headers={"Origin": LISTED})
    assert words(answer.headers["Allow"]) == {"OPTIONS", "POST"}


def test_no_credentials_are_ever_granted(api: Api) -> None:
    answers = [answer(api, LISTED), preflight(api, LISTED, "/api/v1/auth/login")]
    assert not [each for each in answers if "Access-Control-Allow-Credentials" in each.headers]


def test_nothing_is_granted_unless_it_is_set(settings: Settings) -> None:
    with application(settings) as app:
        api = Api(app.test_client())
        answers = [answer(api, LISTED), preflight(api, LISTED, "/api/v1/auth/login")]
    assert [grants(each) for each in answers] == [{}, {}]
    assert "Vary" not in answers[0].headers
