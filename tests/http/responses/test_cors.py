"""CORS: pages from listed origins can read every response; pages from other origins can read none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from project.http.routing.access import public
from tests.kit.clients.api import Api
from tests.kit.fixtures.shared_app import shared_application

LISTED_ORIGIN = "https://app.example.com"
FOREIGN_ORIGINS = (
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
EXPOSED_HEADERS = {"ETag", "Link", "Location", "X-Request-ID", "Retry-After", "Idempotency-Replayed", "RateLimit"}
EXPOSED_HEADERS |= {"RateLimit-Policy", "Content-Disposition", "Repr-Digest", "Content-Range", "Deprecation", "Sunset"}
ALLOWED_HEADERS = {"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "If-Range", "Range"}
ALLOWED_HEADERS |= {"X-Request-ID", "X-Requested-With", "traceparent"}


@pytest.fixture(scope="module")
def app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    origins = f"{LISTED_ORIGIN},http://localhost:3000"
    with shared_application(sqlite_template, tmp_path_factory, cors_origins=origins) as app:
        app.add_url_rule("/fails", view_func=lambda: 1 / 0, access=public)
        yield app


@pytest.fixture(scope="module")
def api_with_cookies(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    settings = {"cors_origins": LISTED_ORIGIN, "refresh_cookie_enabled": True}
    with shared_application(sqlite_template, tmp_path_factory, **settings) as app:
        yield Api(app.test_client())


def request_with_origin(api: Api, origin: str | None, status: int = 200) -> Any:
    """Send the request from REQUESTS that returns `status`, with the given `Origin` header; return the response."""
    method, path, options = REQUESTS[status]
    headers = {**options.get("headers", {}), **({} if origin is None else {"Origin": origin})}
    response = api.client.open(path, method=method, **{**options, "headers": headers}, buffered=True)
    assert response.status_code == status
    return response


def preflight(api: Api, origin: str, path: str, method: str = "POST") -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return api.client.options(path, headers={**headers, "Access-Control-Request-Headers": "content-type"})


def cors_headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("Access-Control-")}


def split_header(header: str) -> set[str]:
    return set(header.split(", "))


@pytest.mark.parametrize("status", REQUESTS)
def test_listed_origin_can_read_responses_with_any_status(api: Api, status: int) -> None:
    headers = cors_headers(request_with_origin(api, LISTED_ORIGIN, status))
    assert headers.pop("Access-Control-Allow-Origin") == LISTED_ORIGIN
    assert split_header(headers.pop("Access-Control-Expose-Headers")) == EXPOSED_HEADERS
    assert headers == {}


def test_allow_origin_header_contains_the_origin_of_the_request(api: Api) -> None:
    other = "http://localhost:3000"
    assert request_with_origin(api, other).headers["Access-Control-Allow-Origin"] == other


@pytest.mark.parametrize("status", REQUESTS)
@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
def test_foreign_origin_cannot_read_any_response(api: Api, status: int, origin: str | None) -> None:
    assert cors_headers(request_with_origin(api, origin, status)) == {}


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_origin_that_does_not_match_exactly_gets_no_cors_headers(api: Api, origin: str) -> None:
    assert cors_headers(request_with_origin(api, origin)) == {}


@pytest.mark.parametrize("origin", [None, LISTED_ORIGIN, "https://evil.example"])
def test_vary_header_includes_origin(api: Api, origin: str | None) -> None:
    assert split_header(request_with_origin(api, origin).headers["Vary"]) == {"Origin"}


def test_vary_header_keeps_values_set_by_the_route(api: Api) -> None:
    headers = {"Origin": LISTED_ORIGIN}
    assert split_header(api.client.get("/dev/mail", headers=headers).headers["Vary"]) == {"Accept", "Origin"}


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/auth/me", "/health/live", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_preflight_from_listed_origin_is_allowed(api: Api, path: str, method: str) -> None:
    response = preflight(api, LISTED_ORIGIN, path, method)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == LISTED_ORIGIN
    assert method in split_header(response.headers["Access-Control-Allow-Methods"])
    assert split_header(response.headers["Access-Control-Allow-Headers"]) == ALLOWED_HEADERS
    assert int(response.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/nowhere"])
def test_preflight_from_foreign_origin_is_not_allowed(api: Api, origin: str, path: str) -> None:
    assert cors_headers(preflight(api, origin, path)) == {}


@pytest.mark.parametrize(
    ("path", "methods"), [("/auth/login", {"OPTIONS", "POST"}), ("/auth/me", {"GET", "HEAD", "OPTIONS", "PATCH"})]
)
def test_options_request_that_is_not_a_preflight_returns_the_allowed_methods(
    api: Api, path: str, methods: set[str]
) -> None:
    response = api.client.options(f"/api/v1{path}", headers={"Origin": LISTED_ORIGIN})
    assert split_header(response.headers["Allow"]) == methods


def test_credentials_are_not_allowed_without_refresh_cookies(api: Api) -> None:
    assert credentials_allowed(api, LISTED_ORIGIN) == [None, None]


@pytest.mark.parametrize(
    ("origin", "allowed"), [(LISTED_ORIGIN, "true"), *[(origin, None) for origin in FOREIGN_ORIGINS]]
)
def test_credentials_are_allowed_only_to_listed_origins(api_with_cookies: Api, origin: str, allowed: str) -> None:
    assert credentials_allowed(api_with_cookies, origin) == [allowed, allowed]


def credentials_allowed(api: Api, origin: str) -> list[str | None]:
    """Return the value of the header in the response to a request, and to a preflight request."""
    responses = [request_with_origin(api, origin), preflight(api, origin, "/api/v1/auth/cookie/login")]
    return [response.headers.get("Access-Control-Allow-Credentials") for response in responses]


def test_no_origin_is_allowed_by_default(shared_api: Api) -> None:
    responses = [
        request_with_origin(shared_api, LISTED_ORIGIN),
        preflight(shared_api, LISTED_ORIGIN, "/api/v1/auth/login"),
    ]
    assert [cors_headers(response) for response in responses] == [{}, {}]
    assert "Vary" not in responses[0].headers
