"""Headers in every response, regardless of its status: request ID and security headers."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from project.app import create_app
from project.config import Settings
from project.http.routing.access import public
from tests.kit.clients.api import PASSWORD, Api, success

REQUESTS: dict[int, tuple[str, str, dict[str, Any]]] = {
    200: ("GET", "/auth/me", {}),
    201: ("POST", "/organizations", {"json": {"name": "Analytical Engines"}}),
    204: ("DELETE", "/files/{file}", {}),
    206: ("GET", "/files/{file}/content", {"headers": {"Range": "bytes=0-0"}}),
    304: ("GET", "/files/{file}/content", {"headers": {"If-None-Match": "*"}}),
    400: ("POST", "/organizations", {"data": b"{", "content_type": "application/json"}),
    401: ("GET", "/auth/me", {"headers": {"Authorization": "Bearer x"}}),
    404: ("GET", "/nowhere", {}),
    405: ("DELETE", "/auth/me", {}),
    406: ("GET", "/auth/me", {"headers": {"Accept": "text/xml"}}),
    409: ("POST", "/auth/register", {"json": {"email": "ada@example.com", "password": PASSWORD}}),
    412: ("GET", "/files/{file}/content", {"headers": {"If-Match": '"other"'}}),
    413: ("POST", "/organizations", {"data": b" " * 1_000_001, "content_type": "application/json"}),
    415: ("POST", "/organizations", {"data": b"x"}),
    416: ("GET", "/files/{file}/content", {"headers": {"Range": "bytes=9-"}}),
    422: ("POST", "/organizations", {"json": {}}),
}
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(params=REQUESTS)
def response(request: pytest.FixtureRequest, ada: Api) -> Iterator[TestResponse]:
    """A response for each status in REQUESTS, in turn."""
    method, path, options = REQUESTS[request.param]
    file = success(ada.upload(b"0123"))
    response = ada(method, path.format(file=file["id"]), **options)
    assert response.status_code == request.param
    yield response
    response.close()


def test_every_response_has_security_headers(response: TestResponse) -> None:
    assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "Server" not in response.headers


def test_every_response_has_a_request_id(response: TestResponse) -> None:
    assert response.headers.getlist("X-Request-ID") != []


def test_no_response_has_cors_headers(response: TestResponse) -> None:
    assert not [name for name in response.headers.keys() if name.startswith("Access-Control-")]  # noqa: SIM118


def test_responses_to_logged_in_users_forbid_shared_caching(response: TestResponse) -> None:
    assert response.headers["Cache-Control"] in ("no-store", "private, no-cache")


@ON_SQLITE
def test_unexpected_error_has_request_id_and_security_headers(app: Flask, api: Api) -> None:
    app.add_url_rule("/fails", view_func=lambda: 1 / 0, access=public)
    response = api.client.get("/fails", headers={"X-Request-ID": "mine"})
    assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert response.headers["X-Request-ID"] == "mine"


@ON_SQLITE
@pytest.mark.parametrize(("url", "sent"), [("https://api.example.com", True), ("http://localhost:8000", False)])
def test_strict_transport_security_is_sent_only_if_public_url_uses_https(
    settings: Settings, url: str, sent: bool
) -> None:
    client = create_app(settings.model_copy(update={"public_url": url})).test_client()
    assert ("Strict-Transport-Security" in client.get("/health/live").headers) is sent


@pytest.mark.parametrize("incoming", ["a", "01a20472-de38-71e6-9445-d8d74c06d560", "A.b_c-9", "x" * 128])
def test_valid_request_id_from_client_is_kept(ada: Api, incoming: str) -> None:
    response = ada.get("/auth/me", headers={"X-Request-ID": incoming})
    assert response.headers["X-Request-ID"] == incoming


@pytest.mark.parametrize("incoming", ["", "x" * 129, "a b", "é", "a,b", "<b>", 'x" status="200', "\x1b[31m", "a\tb"])
def test_invalid_request_id_from_client_is_replaced(ada: Api, incoming: str) -> None:
    response = ada.get("/auth/me", headers={"X-Request-ID": incoming})
    assert len(response.headers["X-Request-ID"]) == 36
    assert response.headers["X-Request-ID"] != incoming
