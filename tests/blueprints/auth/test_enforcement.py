"""What ends a session holds for the very next request, on every node."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import delete, update

from project.app import create_app
from project.blueprints.auth.models import Session, User
from project.config import Settings
from project.infrastructure.database import db, transaction
from tests.kit.clients.api import Api, created, problem

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def elsewhere(settings: Settings) -> Iterator[Api]:
    """A client of another node on the same database."""
    app = create_app(settings)
    yield Api(app.test_client())
    with app.app_context():
        db.engine.dispose()


def test_session_of_one_node_is_good_on_another(api: Api, elsewhere: Api) -> None:
    ada = api.signed_in()
    there = replace(ada, client=elsewhere.client)
    assert created(there.get("/auth/me"))["id"] == ada.user["id"]
    assert created(there.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}))


def test_signing_out_on_one_node_holds_on_another(api: Api, elsewhere: Api) -> None:
    ada = api.signed_in()
    there = replace(ada, client=elsewhere.client)
    there.get("/auth/me")
    ada.post("/auth/logout")
    problem(there.get("/auth/me"), 401, "token-revoked")
    problem(there.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}), 401, "refresh-token-invalid")


@ON_SQLITE
def test_signing_out_leaves_other_sessions_alone(api: Api) -> None:
    ada = api.signed_in()
    other = ada.signed_in_again()
    ada.post("/auth/logout")
    assert other.get("/auth/me").status_code == 200


@ON_SQLITE
def test_signing_out_twice_is_refused_the_second_time(api: Api) -> None:
    ada = api.signed_in()
    answer = ada.post("/auth/logout")
    assert (answer.status_code, answer.data, answer.content_type) == (204, b"", None)
    problem(ada.post("/auth/logout"), 401, "token-revoked")


def test_disabled_account_is_shut_out_at_once(app: Flask, api: Api) -> None:
    ada = api.signed_in()
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(status="disabled"))
    problem(ada.get("/auth/me"), 401, "token-revoked")


@ON_SQLITE
@pytest.mark.parametrize("model", [Session, User])
def test_deleted_session_or_account_is_shut_out_at_once(app: Flask, api: Api, model: type[Session | User]) -> None:
    ada = api.signed_in()
    with app.app_context(), transaction() as session:
        session.execute(delete(model))
    problem(ada.get("/auth/me"), 401, "token-revoked")


@ON_SQLITE
@pytest.mark.parametrize(("method", "path"), [("GET", "/auth/me"), ("POST", "/auth/logout")])
def test_stranger_is_asked_to_sign_in(api: Api, method: str, path: str) -> None:
    problem(api(method, path), 401, "authentication-required")
