"""Emailed tokens: each belongs to one user, and the database contains none of them."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from project.infrastructure.database import read
from project.infrastructure.database.models import Base
from tests.blueprints.auth.conftest import TokenFor
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, problem, success

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA, GRACE = "ada@example.com", "grace@example.com"


@pytest.fixture(params=["/auth/password-reset", "/auth/email-verification"])
def path(request: pytest.FixtureRequest) -> str:
    """The route that sends an email with a token. The route that accepts the token is `{path}/confirm`."""
    return str(request.param)


def use(api: Api, path: str, token: str) -> Any:
    return api.post(f"{path}/confirm", {"token": token, "new_password": NEW_PASSWORD})


def request_token(user: Api, path: str, token_for: TokenFor) -> str:
    """Request an email to `user`, and return the token in it."""
    user.post(path, {"email": user.user["email"]} if path == "/auth/password-reset" else None)
    return token_for(user.user["email"])


def test_token_with_the_id_of_another_user_is_not_found(api: Api, ada: Api, path: str, token_for: TokenFor) -> None:
    grace = api.as_new_user(GRACE)
    token, other = (request_token(user, path, token_for) for user in (ada, grace))
    own_id, other_id = (UUID(user.user["id"]).hex for user in (ada, grace))
    assert token.startswith(own_id)
    assert other.startswith(other_id)
    problem(use(api, path, token.replace(own_id, other_id)), 404, "not-found")
    assert success(api.post("/auth/login", {"email": GRACE, "password": PASSWORD}))
    assert use(api, path, token).status_code == 204


def test_token_is_not_stored(app: Flask, ada: Api, path: str, token_for: TokenFor) -> None:
    token = request_token(ada, path, token_for)
    with app.app_context(), read() as connection:
        rows = [row for table in Base.metadata.sorted_tables for row in connection.execute(select(table))]
    assert ADA in repr(rows)
    assert token.rpartition(".")[2] not in repr(rows)


def test_access_token_is_rejected(api: Api, ada: Api, path: str) -> None:
    problem(use(api, path, ada.tokens["access_token"]), 404, "not-found")


def test_emailed_token_is_rejected_as_access_token(api: Api, ada: Api, path: str, token_for: TokenFor) -> None:
    headers = {"Authorization": f"Bearer {request_token(ada, path, token_for)}"}
    problem(api.get("/auth/me", headers=headers), 401, "token-invalid")
