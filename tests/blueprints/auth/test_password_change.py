"""Changing the password: it ends the other sessions, and a wrong current password never looks like an expired token."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.auth import passwords, repository, service
from project.blueprints.auth.service import sessions
from project.config import Settings
from tests.blueprints.auth.conftest import EmailsTo
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.users import verify_email

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user("ada@example.com")


def change(api: Api, current: str = PASSWORD, new: str = NEW_PASSWORD) -> Any:
    return api.post("/auth/password", {"current_password": current, "new_password": new})


def log_in(api: Api, password: str) -> Any:
    return api.post("/auth/login", {"email": "ada@example.com", "password": password})


def test_only_the_new_password_works_after_the_change(api: Api, ada: Api) -> None:
    assert change(ada).status_code == 204
    problem(log_in(api, PASSWORD), 401, "invalid-credentials")
    assert log_in(api, NEW_PASSWORD).status_code == 200


def test_change_ends_all_other_sessions_of_the_user_only(api: Api, ada: Api) -> None:
    phone, grace = ada.with_new_session(), api.as_new_user()
    change(ada)
    problem(phone.get("/auth/me"), 401, "token-revoked")
    problem(phone.post("/auth/refresh", {"refresh_token": phone.tokens["refresh_token"]}), 401, "refresh-token-invalid")
    assert {each.get("/auth/me").status_code for each in (ada, grace)} == {200}


@ON_SQLITE
def test_change_leaves_the_current_session_refreshable_and_the_profile_unchanged(ada: Api) -> None:
    before = ada.get("/auth/me")
    change(ada)
    assert ada.get("/auth/me").headers["ETag"] == before.headers["ETag"]
    assert success(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}))


def test_wrong_current_password_is_a_validation_error_and_changes_nothing(api: Api, ada: Api) -> None:
    phone = ada.with_new_session()
    response = change(ada, current="another password")
    assert pointers(problem(response, 422, "validation-failed")) == {("body", "/current_password")}
    assert phone.get("/auth/me").status_code == 200
    assert log_in(api, PASSWORD).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(("is_verified", "notices"), [(True, 2), (False, 1)])
def test_user_is_notified_but_an_unverified_address_only_once_per_hour(
    app: Flask, ada: Api, emails_to: EmailsTo, is_verified: bool, notices: int
) -> None:
    if is_verified:
        verify_email(app, ada)
    change(ada)
    change(ada, current=NEW_PASSWORD, new="twelve silent badgers")
    subjects = [message.subject for message in emails_to("ada@example.com")]
    assert subjects.count("Your password was changed") == notices


@ON_SQLITE
@pytest.mark.parametrize("new", ["short", "x" * 129, "passwordpassword", "ada@example.com!"])
def test_weak_new_password_is_rejected(ada: Api, new: str) -> None:
    assert pointers(problem(change(ada, new=new), 422, "validation-failed")) == {("body", "/new_password")}


@ON_SQLITE
def test_passwords_are_compared_in_nfc(api: Api, ada: Api) -> None:
    change(ada, new="zo\u00eb and patient otters")
    assert log_in(api, "zoe\u0308 and patient otters").status_code == 200
    assert change(ada, current="zoe\u0308 and patient otters").status_code == 204


@ON_SQLITE
def test_attempts_to_change_a_password_are_limited_per_user(settings: Settings) -> None:
    limits = {"rate_limit_enabled": True, "password_attempts_per_15_minutes": 2}
    with application(settings.model_copy(update=limits)) as app:
        api = Api(app.test_client())
        ada, grace = api.as_new_user(), api.as_new_user()
        responses = [change(ada, current="wrong") for _ in range(3)]
        assert [response.status_code for response in responses] == [422, 422, 429]
        assert 840 < int(responses[-1].headers["Retry-After"]) <= 900
        assert change(grace).status_code == 204


@pytest.fixture
def costlier(api: Api, app: Flask) -> Api:
    """A client of the application, whose settings now require more expensive hashes."""
    app.extensions["settings"] = app.extensions["settings"].model_copy(update={"password_hash_memory_kib": 16})
    return api


def memory_of_hash(app: Flask) -> str:
    """Return the memory parameter of the hash of Ada's password."""
    with app.app_context():
        user = repository.find_user_by_email("ada@example.com")
    assert user is not None
    return user.password_hash.split("$")[3].partition(",")[0]


@ON_SQLITE
def test_login_upgrades_the_hash_if_the_parameters_have_changed(ada: Api, costlier: Api, app: Flask) -> None:
    assert memory_of_hash(app) == "m=8"
    assert [log_in(costlier, PASSWORD).status_code for _ in range(2)] == [200, 200]
    assert memory_of_hash(app) == "m=16"
    assert ada.get("/auth/me").status_code == 200


@ON_SQLITE
def test_failed_login_does_not_upgrade_the_hash(ada: Api, costlier: Api, app: Flask) -> None:
    assert log_in(costlier, "another password").status_code == 401
    assert memory_of_hash(app) == "m=8"


@ON_SQLITE
def test_upgrade_does_not_replace_a_password_that_has_just_been_changed(
    ada: Api, costlier: Api, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_session, user_id = sessions.open_session, UUID(ada.user["id"])

    def open_and_change(*arguments: Any, **options: Any) -> Any:
        grant = open_session(*arguments, **options)
        service.change_password(user_id, session_id=None, current_password=PASSWORD, new_password=NEW_PASSWORD)
        return grant

    monkeypatch.setattr(sessions, "open_session", open_and_change)
    log_in(costlier, PASSWORD)
    monkeypatch.undo()
    assert log_in(costlier, NEW_PASSWORD).status_code == 200


@ON_SQLITE
def test_hash_has_the_parameters_in_the_settings(settings: Settings) -> None:
    parameters = {"password_hash_time_cost": 3, "password_hash_memory_kib": 32, "password_hash_parallelism": 2}
    with application(settings.model_copy(update=parameters)) as app, app.app_context():
        assert "$m=32,t=3,p=2$" in passwords.hash_password("x")
