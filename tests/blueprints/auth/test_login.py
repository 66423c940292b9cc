"""Login: the tokens it returns, what its errors reveal, and accounts that cannot log in."""

import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from project.blueprints.auth.models import Session, User
from project.infrastructure.database import read, transaction
from tests.kit.clients.api import PASSWORD, Api, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def log_in(api: Api, email: str, password: str = PASSWORD, **options: Any) -> Any:
    return api.post("/auth/login", {"email": email, "password": password}, **options)


def disable(app: Flask) -> None:
    """Disable every account."""
    with app.app_context(), transaction() as connection:
        connection.execute(update(User).values(status="disabled"))


def test_login_returns_token_pair(api: Api) -> None:
    user = api.register()
    pair = success(log_in(api, user["email"]))
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 600)
    assert 30 * 86_400 - 10 <= pair["refresh_expires_in"] <= 30 * 86_400
    assert set(pair) == {
        *("access_token", "token_type", "expires_in"),
        *("refresh_token", "refresh_expires_in", "session_id"),
    }


@ON_SQLITE
def test_each_login_opens_a_new_session(api: Api) -> None:
    ada = api.as_new_user()
    again = ada.with_new_session()
    for name in ("session_id", "access_token", "refresh_token"):
        assert again.tokens[name] != ada.tokens[name]


@ON_SQLITE
@pytest.mark.parametrize("email", ["ZOE\u0308@BU\u0308CHER.EXAMPLE", "zo\u00eb@xn--bcher-kva.example"], ids=ascii)
def test_login_accepts_every_spelling_of_the_email(api: Api, email: str) -> None:
    api.register("zo\u00eb@b\u00fccher.example")
    assert log_in(api, email).status_code == 200


@ON_SQLITE
def test_unknown_email_and_wrong_password_get_identical_responses(api: Api) -> None:
    user = api.register()
    headers = {"X-Request-ID": "same"}
    wrong = log_in(api, user["email"], "another password", headers=headers)
    unknown = log_in(api, "unknown@example.com", headers=headers)
    problem(unknown, 401, "invalid-credentials")
    assert unknown.json == wrong.json
    assert dict(unknown.headers) == dict(wrong.headers)


@ON_SQLITE
def test_login_with_unknown_email_takes_as_long_as_with_wrong_password(api: Api) -> None:
    emails = (api.register()["email"], "unknown@example.com")
    # Alternately, so that a busy machine delays both.
    measured = [[_login_seconds(api, email) for email in emails] for _ in range(9)]
    times = [sorted(each)[4] for each in zip(*measured, strict=True)]
    assert max(times) / min(times) < 2


@ON_SQLITE
def test_login_reveals_disabled_account_only_if_password_is_correct(app: Flask, api: Api) -> None:
    user = api.register()
    disable(app)
    problem(log_in(api, user["email"]), 403, "account-disabled")
    problem(log_in(api, user["email"], "another password"), 401, "invalid-credentials")


@ON_SQLITE
def test_login_with_corrupt_password_hash_is_rejected(app: Flask, api: Api) -> None:
    user = api.register()
    with app.app_context(), transaction() as connection:
        connection.execute(update(User).values(password_hash="damaged"))
    problem(log_in(api, user["email"]), 401, "invalid-credentials")


@ON_SQLITE
def test_session_records_user_agent_and_ip_address(app: Flask, api: Api) -> None:
    user = api.register()
    log_in(api, user["email"], headers={"User-Agent": "x" * 999})
    with app.app_context(), read() as connection:
        session = connection.execute(select(Session.__table__)).one()
    assert (session.user_agent, session.ip_address, session.methods) == ("x" * 255, "127.0.0.1", ["password"])


@ON_SQLITE
def test_passwords_and_tokens_are_not_stored(app: Flask, api: Api) -> None:
    pair = success(log_in(api, api.register()["email"]))
    with app.app_context(), read() as connection:
        stored = repr([connection.execute(select(table.__table__)).all() for table in (User, Session)])
    assert "$argon2id$" in stored
    assert not [secret for secret in (PASSWORD, pair["access_token"], pair["refresh_token"]) if secret in stored]


@ON_SQLITE
@pytest.mark.parametrize("member", ["role", "user_id", "session_id", "remember", "methods"])
def test_unknown_fields_are_rejected(api: Api, member: str) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD, member: "admin"}
    problem(api.post("/auth/login", body), 422, "validation-failed")


def _login_seconds(api: Api, email: str) -> float:
    started = time.process_time()
    log_in(api, email, "another password")
    return time.process_time() - started
