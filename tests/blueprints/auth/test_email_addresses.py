"""Confirming the address of an account, and changing it."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import update

from project.blueprints.auth import repository, service
from project.blueprints.auth.models import User
from project.config import Settings
from project.infrastructure import signing
from project.infrastructure.database import transaction
from tests.blueprints.auth.conftest import AgeTokens, EmailsTo, TokenFor
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.users import verify_email

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA, NEW_ADDRESS = "ada@example.com", "ada@Example.org"


def confirm(api: Api, token: str, **members: Any) -> Any:
    return api.post("/auth/email-verification/confirm", {"token": token, **members})


def change(ada: Api, email: str = NEW_ADDRESS, password: str = PASSWORD) -> Any:
    return ada.post("/auth/email", {"email": email, "password": password})


def log_in(api: Api, email: str = ADA, password: str = PASSWORD) -> Any:
    return api.post("/auth/login", {"email": email, "password": password})


@pytest.fixture
def token(ada: Api, token_for: TokenFor) -> str:
    """The token that confirms Ada's address."""
    return token_for(ADA)


@pytest.fixture
def change_token(app: Flask, ada: Api, token_for: TokenFor) -> str:
    """The token that confirms the new address of Ada, whose present address is verified."""
    verify_email(app, ada)
    change(ada)
    return token_for(NEW_ADDRESS)


def test_confirmation_verifies_the_address_and_keeps_password_and_sessions(api: Api, ada: Api, token: str) -> None:
    assert confirm(api, token).status_code == 204
    assert success(ada.get("/auth/me"))["email_verified"] is True
    assert log_in(api).status_code == 200


def test_token_works_once(api: Api, token: str) -> None:
    confirm(api, token)
    problem(confirm(api, token), 410, "token-spent")


@ON_SQLITE
def test_owner_of_the_address_takes_the_account_over_with_a_new_password(api: Api, ada: Api, token: str) -> None:
    grace = api.as_new_user()
    assert confirm(api, token, new_password=NEW_PASSWORD).status_code == 204
    problem(ada.get("/auth/me"), 401, "token-revoked")
    problem(log_in(api), 401, "invalid-credentials")
    assert log_in(api, password=NEW_PASSWORD).status_code == 200
    assert grace.get("/auth/me").status_code == 200


@ON_SQLITE
def test_taking_an_account_over_invalidates_pending_resets(
    api: Api, ada: Api, token: str, emails_to: EmailsTo, token_for: TokenFor
) -> None:
    api.post("/auth/password-reset", {"email": ADA})
    reset_token = token_for(ADA)
    confirm(api, token, new_password=NEW_PASSWORD)
    body = {"token": reset_token, "new_password": "twelve silent badgers"}
    problem(api.post("/auth/password-reset/confirm", body), 410, "token-spent")


@ON_SQLITE
def test_weak_new_password_is_rejected(api: Api, token: str) -> None:
    response = confirm(api, token, new_password="short")
    assert pointers(problem(response, 422, "validation-failed")) == {("body", "/new_password")}


@ON_SQLITE
@pytest.mark.parametrize(("hours", "status"), [(23.9, 204), (24, 410)])
def test_token_expires_after_a_day(api: Api, token: str, age_tokens: AgeTokens, hours: float, status: int) -> None:
    age_tokens(hours=hours)
    assert confirm(api, token).status_code == status


@ON_SQLITE
def test_token_that_was_never_issued_is_not_found(app: Flask, api: Api, ada: Api, token: str) -> None:
    with app.app_context():
        other_purpose = signing.issue("password-reset", UUID(ada.user["id"]), 1)
    for forged in ("x", f"{token}x", token.replace(".1.", ".2."), other_purpose):
        problem(confirm(api, forged), 404, "not-found")


@ON_SQLITE
def test_disabled_account_cannot_be_confirmed(app: Flask, api: Api, token: str) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(update(User).values(status="disabled"))
    problem(confirm(api, token), 410, "token-spent")
    problem(confirm(api, token, new_password=NEW_PASSWORD), 410, "token-spent")


@ON_SQLITE
def test_resent_token_replaces_the_previous_one(api: Api, ada: Api, token: str, token_for: TokenFor) -> None:
    assert ada.post("/auth/email-verification").status_code == 202
    newest = token_for(ADA)
    problem(confirm(api, token), 410, "token-spent")
    assert confirm(api, newest).status_code == 204


@ON_SQLITE
def test_nothing_is_resent_once_the_address_is_verified(app: Flask, ada: Api, token: str, emails_to: EmailsTo) -> None:
    verify_email(app, ada)
    assert ada.post("/auth/email-verification").status_code == 202
    assert len(emails_to(ADA)) == 1


@ON_SQLITE
def test_resending_is_limited(settings: Settings) -> None:
    limits = {"rate_limit_enabled": True, "account_emails_per_hour": 3}
    with application(settings.model_copy(update=limits)) as app:
        ada = Api(app.test_client()).as_new_user(ADA)
        assert [ada.post("/auth/email-verification").status_code for _ in range(2)] == [202, 202]
        response = ada.post("/auth/email-verification")
        problem(response, 429, "rate-limited")
        assert 0 < int(response.headers["Retry-After"]) <= 3600


@ON_SQLITE
def test_emails_to_one_new_address_are_limited(settings: Settings) -> None:
    limits = {"rate_limit_enabled": True, "account_emails_per_hour": 2}
    with application(settings.model_copy(update=limits)) as app:
        api = Api(app.test_client())
        ada, grace = api.as_new_user(), api.as_new_user()
        assert [change(user).status_code for user in (ada, grace)] == [202, 202]
        problem(ada.post("/auth/email-verification"), 429, "rate-limited")
        problem(change(ada, NEW_ADDRESS.upper()), 429, "rate-limited")
        assert change(ada, "another@example.com").status_code == 202


def test_address_changes_when_it_is_confirmed(app: Flask, api: Api, ada: Api, change_token: str) -> None:
    assert success(ada.get("/auth/me"))["email"] == ADA
    assert confirm(api, change_token).status_code == 204
    me = success(ada.get("/auth/me"))
    assert (me["email"], me["email_verified"]) == (NEW_ADDRESS, True)
    problem(log_in(api), 401, "invalid-credentials")
    assert log_in(api, "ada@example.org").status_code == 200
    assert success(api.register(ADA) and log_in(api))  # the previous address is free again


@ON_SQLITE
def test_verified_owner_is_notified_of_the_requested_change(change_token: str, emails_to: EmailsTo) -> None:
    newest = emails_to(ADA)[0]
    assert newest.subject == "Your email address is about to change"
    assert NEW_ADDRESS not in newest.text


@ON_SQLITE
def test_unverified_address_gets_one_notice_of_a_kind_per_hour(ada: Api, emails_to: EmailsTo) -> None:
    for _ in range(2):
        change(ada)
    assert [message.subject for message in emails_to(ADA)] == ["Your email address is about to change"]


@ON_SQLITE
def test_wrong_password_is_a_validation_error_and_changes_nothing(ada: Api, emails_to: EmailsTo) -> None:
    response = change(ada, password="another password")
    assert pointers(problem(response, 422, "validation-failed")) == {("body", "/password")}
    assert emails_to(NEW_ADDRESS) == []


@ON_SQLITE
def test_change_with_a_password_that_has_just_been_changed_is_rejected(
    app: Flask, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        user = repository.get_user(UUID(ada.user["id"]))
    ada.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    with app.app_context(), transaction():
        assert repository.set_pending_email(user, email=NEW_ADDRESS, email_key=NEW_ADDRESS.lower()) is None


def test_address_that_another_account_has_taken_in_the_meantime_is_rejected(
    api: Api, ada: Api, change_token: str
) -> None:
    api.as_new_user(NEW_ADDRESS.lower())
    problem(confirm(api, change_token), 409, "email-taken")
    assert success(ada.get("/auth/me"))["email"] == ADA


@ON_SQLITE
def test_recipient_of_a_misaddressed_change_cannot_take_the_account_over(api: Api, ada: Api, change_token: str) -> None:
    problem(confirm(api, change_token, new_password=NEW_PASSWORD), 410, "token-spent")
    assert log_in(api).status_code == 200


@ON_SQLITE
def test_another_change_replaces_the_token_of_the_first(api: Api, ada: Api, change_token: str) -> None:
    change(ada, "third@example.com")
    problem(confirm(api, change_token), 410, "token-spent")


@ON_SQLITE
def test_confirmed_change_invalidates_the_reset_token_sent_to_the_previous_address(
    api: Api, ada: Api, change_token: str, token_for: TokenFor
) -> None:
    api.post("/auth/password-reset", {"email": ADA})
    reset_token = token_for(ADA)
    confirm(api, change_token)
    body = {"token": reset_token, "new_password": NEW_PASSWORD}
    problem(api.post("/auth/password-reset/confirm", body), 410, "token-spent")


@ON_SQLITE
def test_pending_address_can_be_confirmed_with_a_resent_token(
    api: Api, ada: Api, change_token: str, token_for: TokenFor
) -> None:
    assert ada.post("/auth/email-verification").status_code == 202
    newest = token_for(NEW_ADDRESS)
    problem(confirm(api, change_token), 410, "token-spent")
    assert confirm(api, newest).status_code == 204
    assert success(ada.get("/auth/me"))["email"] == NEW_ADDRESS


@ON_SQLITE
def test_spelling_of_the_own_address_can_be_changed(api: Api, ada: Api, token_for: TokenFor) -> None:
    change(ada, "Ada@Example.COM")
    confirm(api, token_for("Ada@Example.COM"))
    assert success(ada.get("/auth/me"))["email"] == "Ada@Example.COM"


@ON_SQLITE
def test_repeated_job_sends_the_same_email(app: Flask, ada: Api, emails_to: EmailsTo) -> None:
    [first] = emails_to(ADA)
    with app.app_context():
        service.send_verification(UUID(ada.user["id"]), 1)
    assert emails_to(ADA) == [first]
