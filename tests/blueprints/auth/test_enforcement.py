"""When a session ends or an account is disabled, every node rejects its tokens immediately."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import delete, update

from project.app import create_app
from project.blueprints.auth.models import Session, User
from project.config import Settings
from project.infrastructure.database import db, transaction
from tests.kit.clients.api import Api, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def other_node(settings: Settings) -> Iterator[Api]:
    """A client of another node that uses the same database."""
    app = create_app(settings)
    yield Api(app.test_client())
    with app.app_context():
        db.engine.dispose()


def test_session_is_valid_on_other_nodes(api: Api, other_node: Api) -> None:
    ada = api.as_new_user()
    ada_on_other_node = replace(ada, client=other_node.client)
    assert success(ada_on_other_node.get("/auth/me"))["id"] == ada.user["id"]
    assert success(ada_on_other_node.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}))


def test_logout_takes_effect_on_other_nodes(api: Api, other_node: Api) -> None:
    ada = api.as_new_user()
    ada_on_other_node = replace(ada, client=other_node.client)
    ada_on_other_node.get("/auth/me")
    ada.post("/auth/logout")
    problem(ada_on_other_node.get("/auth/me"), 401, "token-revoked")
    problem(
        ada_on_other_node.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}),
        401,
        "refresh-token-invalid",
    )


@ON_SQLITE
def test_logout_does_not_end_other_sessions(api: Api) -> None:
    ada = api.as_new_user()
    other = ada.with_new_session()
    ada.post("/auth/logout")
    assert other.get("/auth/me").status_code == 200


@ON_SQLITE
def test_second_logout_is_rejected(api: Api) -> None:
    ada = api.as_new_user()
    response = ada.post("/auth/logout")
    assert (response.status_code, response.data, response.content_type) == (204, b"", None)
    problem(ada.post("/auth/logout"), 401, "token-revoked")


def test_request_from_disabled_account_is_rejected_immediately(app: Flask, api: Api) -> None:
    ada = api.as_new_user()
    with app.app_context(), transaction() as connection:
        connection.execute(update(User).values(status="disabled"))
    problem(ada.get("/auth/me"), 401, "token-revoked")


@ON_SQLITE
@pytest.mark.parametrize("model", [Session, User])
def test_token_of_deleted_session_or_account_is_rejected_immediately(
    app: Flask, api: Api, model: type[Session | User]
) -> None:
    ada = api.as_new_user()
    with app.app_context(), transaction() as connection:
        connection.execute(delete(model))
    problem(ada.get("/auth/me"), 401, "token-revoked")


@ON_SQLITE
@pytest.mark.parametrize(("method", "path"), [("GET", "/auth/me"), ("POST", "/auth/logout")])
def test_request_without_token_is_rejected(api: Api, method: str, path: str) -> None:
    problem(api(method, path), 401, "authentication-required")
