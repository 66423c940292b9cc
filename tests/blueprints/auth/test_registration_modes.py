"""Registration modes: `confirm` does not reveal which addresses have accounts, `closed` admits only invited users."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask

from project.config import Settings
from tests.blueprints.auth.conftest import EmailsTo, TokenFor
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.jobs import list_jobs

ADA = "ada@example.com"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def mode() -> str:
    return "confirm"


@pytest.fixture
def app(settings: Settings, mode: str) -> Iterator[Flask]:
    with application(settings.model_copy(update={"registration_mode": mode})) as app:
        yield app


def register(api: Api, email: str = ADA, password: str = PASSWORD) -> Any:
    return api.post("/auth/register", {"email": email, "password": password})


def log_in(api: Api, password: str = PASSWORD) -> Any:
    return api.post("/auth/login", {"email": ADA, "password": password})


def confirm(api: Api, token: str) -> Any:
    return api.post("/auth/email-verification/confirm", {"token": token})


def limited(settings: Settings, mode: str) -> AbstractContextManager[Flask]:
    """Return an application that sends at most two emails per hour to one address."""
    limits = {
        "registration_mode": mode,
        "rate_limit_enabled": True,
        "account_emails_per_hour": 2,
        "registrations_per_minute": 100,
    }
    return application(settings.model_copy(update=limits))


def reset(api: Api, token: str) -> Any:
    return api.post("/auth/password-reset/confirm", {"token": token, "new_password": NEW_PASSWORD})


def test_login_requires_confirmation_of_the_address(api: Api, token_for: TokenFor) -> None:
    response = register(api)
    assert (response.status_code, response.json) == (202, {"email": ADA})
    problem(log_in(api), 403, "email-not-verified")
    assert confirm(api, token_for(ADA)).status_code == 204
    assert log_in(api).status_code == 200


def test_wrong_password_of_an_unverified_account_is_not_distinguished(api: Api) -> None:
    register(api)
    problem(log_in(api, "another password"), 401, "invalid-credentials")


def test_response_is_the_same_for_a_known_address_whose_owner_is_notified(
    api: Api, token_for: TokenFor, emails_to: EmailsTo
) -> None:
    first = register(api)
    confirm(api, token_for(ADA))
    second = register(api, password=NEW_PASSWORD)
    assert (second.status_code, second.json) == (first.status_code, first.json)
    assert emails_to(ADA)[0].subject == "You already have an account"
    problem(log_in(api, NEW_PASSWORD), 401, "invalid-credentials")
    assert log_in(api).status_code == 200


def test_known_and_unknown_addresses_cause_one_job_each(app: Flask, api: Api) -> None:
    for _ in range(2):
        register(api)
    with app.app_context():
        assert [job.name for job in list_jobs()] == ["auth.send_verification", "auth.repeat_registration"]


def test_weak_password_is_rejected_for_a_known_address_too(api: Api) -> None:
    register(api)
    assert pointers(problem(register(api, password="short"), 422, "validation-failed")) == {("body", "/password")}


def test_owner_of_an_address_registered_twice_chooses_a_password(
    api: Api, token_for: TokenFor, emails_to: EmailsTo
) -> None:
    register(api, password="twelve silent badgers")
    first_token = token_for(ADA)
    register(api)
    second_token = token_for(ADA)
    problem(confirm(api, first_token), 410, "token-spent")
    assert reset(api, second_token).status_code == 204
    for password in (PASSWORD, "twelve silent badgers"):
        problem(log_in(api, password), 401, "invalid-credentials")
    assert log_in(api, NEW_PASSWORD).status_code == 200


def test_emails_to_an_address_registered_repeatedly_are_limited(settings: Settings) -> None:
    with limited(settings, "confirm") as app:
        api = Api(app.test_client())
        assert [register(api).status_code for _ in range(3)] == [202, 202, 202]
        with app.app_context():
            assert len(list_jobs()) == 2


def test_emails_to_an_address_registered_and_deleted_repeatedly_are_limited(settings: Settings) -> None:
    with limited(settings, "open") as app:
        for _ in range(3):
            ada = Api(app.test_client()).as_new_user(ADA)
            assert ada.post("/auth/me/deletion", {"password": PASSWORD}).status_code == 204
        with app.app_context():
            emails = [job.name for job in list_jobs() if job.name.startswith("auth.send_")]
        assert sorted(emails) == ["auth.send_notice", "auth.send_verification", "auth.send_verification"]


def test_subaddresses_of_a_mailbox_share_a_limit(settings: Settings) -> None:
    with limited(settings, "open") as app:
        api = Api(app.test_client())
        for number in range(22):
            success(register(api, f"Ada+{number}@example.com"))
        for address in (ADA, "+1@example.com", "+2@example.com"):
            success(register(api, address))
        with app.app_context():
            assert len(list_jobs("auth.send_verification")) == 20 + 2


@pytest.mark.parametrize("mode", ["closed"])
def test_closed_registration_is_rejected(api: Api) -> None:
    problem(register(api), 403, "permission-denied")


@pytest.mark.parametrize("mode", ["open"])
def test_email_asks_for_confirmation_in_open_mode_too(api: Api, emails_to: EmailsTo) -> None:
    success(register(api))
    assert [message.subject for message in emails_to(ADA)] == ["Confirm your email address"]
