"""Responses to anonymous requests, and the statements they execute, do not reveal which addresses have accounts.

The exceptions are in docs/security.md.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from project.config import Settings
from project.infrastructure.database import db
from tests.kit.clients.api import NEW_PASSWORD, Api, success
from tests.kit.fixtures.apps import application

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KNOWN, UNKNOWN = "ada@example.com", "bob@example.com"


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    changes = {"registration_mode": "confirm", "rate_limit_enabled": True}
    with application(settings.model_copy(update=changes)) as app:
        yield app


@pytest.mark.parametrize(
    ("path", "status", "members"),
    [
        ("/auth/login", 401, {"password": NEW_PASSWORD}),
        ("/auth/password-reset", 202, {}),
        ("/auth/register", 202, {"password": NEW_PASSWORD}),
    ],
)
def test_known_and_unknown_addresses_cannot_be_distinguished(
    app: Flask, api: Api, path: str, status: int, members: dict[str, str]
) -> None:
    success(api.post("/auth/register", {"email": KNOWN, "password": "seven unlikely herons"}))
    (known, unknown) = (_observe(app, api, path, {"email": email, **members}) for email in (KNOWN, UNKNOWN))
    assert known["status"] == status
    assert known == unknown


def _observe(app: Flask, api: Api, path: str, body: dict[str, str]) -> dict[str, Any]:
    """Send a request from a new client IP. Returns the response and the executed statements, without the address."""
    statements: list[str] = []

    def record(*call: Any) -> None:
        statements.append(call[2])

    client_ip = {"REMOTE_ADDR": f"192.0.{len(body['email']) + ord(body['email'][0])}.1"}
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", record)
        response = api.post(path, body, headers={"X-Request-ID": "same"}, environ_base=client_ip)
        event.remove(db.engine, "before_cursor_execute", record)
    return {
        "status": response.status_code,
        "headers": dict(response.headers),
        "body": response.get_data(as_text=True).replace(body["email"], ""),
        "statements": statements,
    }
