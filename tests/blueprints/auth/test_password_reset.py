"""Password reset: the token, what a reset ends, and responses that do not reveal whether an account exists."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import update

from project.blueprints.auth import service
from project.blueprints.auth.models import User
from project.config import Settings
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from tests.blueprints.auth.conftest import AgeTokens, EmailsTo, TokenFor
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.jobs import list_jobs

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA = "ada@example.com"


def request_reset(api: Api, email: str = ADA) -> Any:
    return api.post("/auth/password-reset", {"email": email})


def reset(api: Api, token: str, password: str = NEW_PASSWORD) -> Any:
    return api.post("/auth/password-reset/confirm", {"token": token, "new_password": password})


def log_in(api: Api, password: str, email: str = ADA) -> Any:
    return api.post("/auth/login", {"email": email, "password": password})


@pytest.fixture
def token(api: Api, ada: Api, token_for: TokenFor) -> str:
    """The token in the email that Ada has requested."""
    request_reset(api)
    return token_for(ADA)


def test_only_the_new_password_works_and_the_address_is_verified(api: Api, ada: Api, token: str) -> None:
    assert reset(api, token).status_code == 204
    problem(log_in(api, PASSWORD), 401, "invalid-credentials")
    tokens = success(log_in(api, NEW_PASSWORD))
    me = success(api.get("/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}))
    assert (me["id"], me["email_verified"]) == (ada.user["id"], True)


def test_reset_ends_all_sessions_of_this_user_only(api: Api, ada: Api, token: str) -> None:
    phone, grace = ada.with_new_session(), api.as_new_user()
    reset(api, token)
    for session in (ada, phone):
        problem(session.get("/auth/me"), 401, "token-revoked")
    assert grace.get("/auth/me").status_code == 200


def test_token_works_once(api: Api, token: str) -> None:
    reset(api, token)
    problem(reset(api, token, "twelve silent badgers"), 410, "token-spent")
    assert log_in(api, NEW_PASSWORD).status_code == 200


@ON_SQLITE
def test_newer_token_replaces_the_previous_one(api: Api, token: str, token_for: TokenFor) -> None:
    request_reset(api)
    newest = token_for(ADA)
    problem(reset(api, token), 410, "token-spent")
    assert reset(api, newest).status_code == 204


@ON_SQLITE
def test_password_change_invalidates_the_token(api: Api, ada: Api, token: str) -> None:
    ada.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    problem(reset(api, token, "twelve silent badgers"), 410, "token-spent")


@ON_SQLITE
@pytest.mark.parametrize(("minutes", "status"), [(59.5, 204), (60, 410)])
def test_token_expires_after_an_hour(api: Api, token: str, age_tokens: AgeTokens, minutes: float, status: int) -> None:
    age_tokens(minutes=minutes)
    assert reset(api, token).status_code == status


@ON_SQLITE
def test_token_that_was_never_issued_is_not_found(app: Flask, api: Api, ada: Api, token: str) -> None:
    with app.app_context():
        other_purpose = signing.issue("email-verification", UUID(ada.user["id"]), 1)
    for forged in ("x", f"{token}x", token.replace(".1.", ".2."), other_purpose, ada.tokens["refresh_token"]):
        problem(reset(api, forged), 404, "not-found")
    assert log_in(api, PASSWORD).status_code == 200


@ON_SQLITE
def test_weak_password_is_rejected_and_leaves_the_token_valid(api: Api, token: str) -> None:
    response = reset(api, token, "ada@example.com!")
    assert pointers(problem(response, 422, "validation-failed")) == {("body", "/new_password")}
    assert reset(api, token).status_code == 204


@ON_SQLITE
def test_reset_cancels_a_pending_change_of_the_address(api: Api, ada: Api, token: str, token_for: TokenFor) -> None:
    ada.post("/auth/email", {"email": "eve@example.com", "password": PASSWORD})
    change = token_for("eve@example.com")
    reset(api, token)
    problem(api.post("/auth/email-verification/confirm", {"token": change}), 410, "token-spent")


@ON_SQLITE
def test_user_is_notified_of_the_new_password(api: Api, token: str, emails_to: EmailsTo) -> None:
    reset(api, token)
    assert emails_to(ADA)[0].subject == "Your password was changed"


@ON_SQLITE
def test_responses_and_jobs_are_the_same_for_unknown_addresses(app: Flask, api: Api, ada: Api) -> None:
    responses = [request_reset(api, email) for email in (ADA, "unknown@example.com")]
    assert [(response.status_code, response.data) for response in responses] == [(202, b"")] * 2
    with app.app_context():
        jobs = list_jobs("auth.start_password_reset")
    assert [job.arguments["email_key"] for job in jobs] == [ADA, "unknown@example.com"]


@ON_SQLITE
def test_no_email_is_sent_to_unknown_addresses_or_disabled_accounts(
    app: Flask, api: Api, ada: Api, emails_to: EmailsTo
) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(update(User).values(status="disabled"))
    for email in (ADA, "unknown@example.com"):
        request_reset(api, email)
        assert [message for message in emails_to(email) if message.subject == "Choose a new password"] == []


@ON_SQLITE
def test_disabled_account_cannot_be_reset(app: Flask, api: Api, token: str) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(update(User).values(status="disabled"))
    problem(reset(api, token), 410, "token-spent")


@ON_SQLITE
def test_queued_emails_are_not_sent_to_a_disabled_account(app: Flask, ada: Api, emails_to: EmailsTo) -> None:
    with app.app_context():
        service.start_password_reset(ADA, requested_at=now())
        service.update_access(UUID(ada.user["id"]), actor_id=None, versions=None, status="disabled")
    assert [message.subject for message in emails_to(ADA)] == []


@ON_SQLITE
def test_repeated_jobs_send_the_same_email_only(app: Flask, ada: Api, emails_to: EmailsTo) -> None:
    requested_at = now()
    for _ in range(2):
        with app.app_context():
            service.start_password_reset(ADA, requested_at=requested_at)
    with app.app_context():
        [job] = list_jobs("auth.send_password_reset")
        for _ in range(2):
            service.send_password_reset(UUID(job.arguments["user_id"]), job.arguments["token_version"])
    assert len([message for message in emails_to(ADA) if message.subject == "Choose a new password"]) == 1


@ON_SQLITE
def test_email_with_a_replaced_token_is_not_sent(app: Flask, ada: Api, emails_to: EmailsTo) -> None:
    with app.app_context():
        for _ in range(2):
            service.start_password_reset(ADA, requested_at=now())
    assert len([message for message in emails_to(ADA) if message.subject == "Choose a new password"]) == 1


@ON_SQLITE
def test_emails_to_one_address_are_limited_silently(settings: Settings) -> None:
    limits = {"rate_limit_enabled": True, "account_emails_per_hour": 2}
    with application(settings.model_copy(update=limits)) as app:
        api = Api(app.test_client())
        statuses = [request_reset(api, email).status_code for email in (ADA, ADA.upper(), ADA, "grace@example.com")]
        assert statuses == [202] * 4
        with app.app_context():
            jobs = list_jobs("auth.start_password_reset")
        assert [job.arguments["email_key"] for job in jobs] == [ADA, ADA, "grace@example.com"]
