"""Admins list users, change their roles and statuses, and end their sessions."""

from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from project.blueprints.auth import service
from project.blueprints.auth.models import AdminCount, User
from project.infrastructure.database import read
from tests.kit.clients.api import PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.administrators import create_administrator

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def admin(app: Flask, api: Api) -> Api:
    return create_administrator(app, api)


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user("ada@example.com")


def path(user: Api) -> str:
    return f"/users/{user.user['id']}"


def update(admin: Api, user: Api, **changes: str) -> dict[str, object]:
    """Update a user and return the response body."""
    updated: dict[str, object] = success(admin("PATCH", path(user), json=changes))
    return updated


def list_emails(admin: Api, **query: str) -> list[str]:
    return [user["email"] for user in success(admin.get("/users", query_string=query))["items"]]


@pytest.mark.usefixtures("in_shared_app")
def test_empty_database_has_no_default_users() -> None:
    with read() as connection:
        assert connection.execute(select(User.id)).all() == []
        assert connection.execute(select(AdminCount.active_admins)).scalar_one() == 0


def test_users_are_listed_newest_first(admin: Api, ada: Api) -> None:
    assert list_emails(admin) == ["ada@example.com", admin.user["email"]]


def test_users_can_be_filtered_by_role_and_status(admin: Api, ada: Api) -> None:
    grace, disabled = ada.as_new_user("grace@example.com"), ada.as_new_user("disabled@example.com")
    update(admin, grace, role="admin", status="disabled")
    update(admin, disabled, status="disabled")
    assert list_emails(admin, role="admin") == ["grace@example.com", admin.user["email"]]
    assert list_emails(admin, status="disabled") == ["disabled@example.com", "grace@example.com"]
    assert list_emails(admin, role="admin", status="disabled") == ["grace@example.com"]


def test_user_is_found_by_email_regardless_of_case(admin: Api, ada: Api) -> None:
    ada.as_new_user("grace@example.com")
    assert list_emails(admin, email="ADA@Example.COM") == ["ada@example.com"]
    assert list_emails(admin, email="ada@example.com", status="active", role="user") == ["ada@example.com"]
    assert list_emails(admin, email="ada@example.com", status="disabled") == []
    assert list_emails(admin, email="unknown@example.com") == []


@ON_SQLITE
def test_user_has_the_same_members_as_in_the_profile(admin: Api, ada: Api) -> None:
    assert success(admin.get(path(ada))) == success(ada.get("/auth/me"))


@ON_SQLITE
@pytest.mark.parametrize(
    ("method", "suffix", "body"), [("GET", "", None), ("PATCH", "", {"role": "admin"}), ("DELETE", "/sessions", None)]
)
def test_unknown_user_is_not_found(admin: Api, method: str, suffix: str, body: object) -> None:
    problem(admin(method, f"/users/{uuid4()}{suffix}", json=body), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize(
    "body", [{"email": "eve@example.com"}, {"display_name": "Eve"}, {"password": PASSWORD}, {"email_verified": True}]
)
def test_other_members_are_rejected(admin: Api, ada: Api, body: dict[str, object]) -> None:
    before = success(admin.get(path(ada)))
    rejected = problem(admin("PATCH", path(ada), json={"role": "user", **body}), 422, "validation-failed")
    assert pointers(rejected) == {("body", f"/{next(iter(body))}")}
    assert success(admin.get(path(ada))) == before


@ON_SQLITE
@pytest.mark.parametrize("body", [{}, {"role": "owner"}, {"role": None}, {"status": "deleted"}, {"status": True}])
def test_invalid_changes_are_rejected(admin: Api, ada: Api, body: dict[str, object]) -> None:
    problem(admin("PATCH", path(ada), json=body), 422, "validation-failed")


def test_disabling_ends_all_sessions_of_the_user_and_no_others(admin: Api, ada: Api) -> None:
    second, grace = ada.with_new_session(), ada.as_new_user()
    assert update(admin, ada, status="disabled")["status"] == "disabled"
    for session in (ada, second):
        problem(session.get("/auth/me"), 401, "token-revoked")
        body = {"refresh_token": session.tokens["refresh_token"]}
        problem(session.post("/auth/refresh", body), 401, "refresh-token-invalid")
    body = {"email": "ada@example.com", "password": PASSWORD}
    problem(ada.post("/auth/login", body), 403, "account-disabled")
    assert grace.get("/auth/me").status_code == 200


def test_enabling_allows_logins_but_restores_no_session(admin: Api, ada: Api) -> None:
    update(admin, ada, status="disabled")
    assert update(admin, ada, status="active")["status"] == "active"
    problem(ada.get("/auth/me"), 401, "token-revoked")
    problem(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}), 401, "refresh-token-invalid")
    assert ada.with_new_session().get("/auth/me").status_code == 200


def test_role_change_applies_to_the_next_request_with_the_same_token(admin: Api, ada: Api) -> None:
    problem(ada.get("/users"), 403, "permission-denied")
    update(admin, ada, role="admin")
    assert ada.get("/users").status_code == 200
    update(admin, ada, role="user")
    problem(ada.get("/users"), 403, "permission-denied")
    assert ada.get("/auth/me").status_code == 200


def test_ending_sessions_of_a_user_ends_all_of_them_and_no_others(admin: Api, ada: Api) -> None:
    second, grace = ada.with_new_session(), ada.as_new_user()
    assert admin.delete(f"{path(ada)}/sessions").status_code == 204
    for session in (ada, second):
        problem(session.get("/auth/me"), 401, "token-revoked")
    assert {user.get("/auth/me").status_code for user in (admin, grace, ada.with_new_session())} == {200}


@ON_SQLITE
def test_admin_can_end_own_sessions(admin: Api) -> None:
    assert admin.delete(f"{path(admin)}/sessions").status_code == 204
    problem(admin.get("/auth/me"), 401, "token-revoked")
    assert admin.with_new_session().get("/users").status_code == 200


@pytest.mark.parametrize("changes", [{"role": "user"}, {"status": "disabled"}, {"role": "user", "status": "disabled"}])
def test_last_active_admin_can_be_neither_demoted_nor_disabled(admin: Api, ada: Api, changes: dict[str, str]) -> None:
    update(admin, ada, role="admin", status="disabled")  # a disabled admin does not count
    before = success(admin.get(path(admin)))
    problem(admin("PATCH", path(admin), json=changes), 409, "last-admin")
    assert success(admin.get(path(admin))) == before
    update(admin, ada, status="active")
    update(admin, admin, **changes)
    problem(ada.with_new_session()("PATCH", path(ada), json=changes), 409, "last-admin")


def test_changes_that_keep_a_user_an_active_admin_are_allowed(admin: Api) -> None:
    for _ in range(2):
        update(admin, admin, role="admin", status="active")
        update(admin, admin, role="admin")
    problem(admin("PATCH", path(admin), json={"role": "user"}), 409, "last-admin")


@pytest.mark.parametrize("changes", [{"role": "user"}, {"status": "disabled"}])
def test_repeated_changes_count_once(admin: Api, ada: Api, changes: dict[str, str]) -> None:
    grace = ada.as_new_user("grace@example.com")
    for user in (ada, grace) * 2:
        update(admin, user, role="admin")
    for _ in range(2):
        update(admin, ada, **changes)
    update(admin, ada, role="user", status="disabled")
    update(admin, grace, **changes)  # the third admin
    problem(admin("PATCH", path(admin), json=changes), 409, "last-admin")


@ON_SQLITE
def test_rejected_update_does_not_change_the_number_of_admins(admin: Api, ada: Api) -> None:
    update(admin, ada, role="admin")
    for _ in range(2):
        response = admin("PATCH", path(ada), json={"role": "user"}, headers={"If-Match": '"stale"'})
        problem(response, 412, "precondition-failed")
    update(admin, ada, role="user")
    problem(admin("PATCH", path(admin), json={"role": "user"}), 409, "last-admin")


@pytest.mark.usefixtures("in_shared_app")
def test_created_admin_is_active_and_has_a_verified_address() -> None:
    created = service.create_admin(email="root@example.com", password=PASSWORD, display_name=None)
    assert (created.role, created.status, created.email_verified) == ("admin", "active", True)


@ON_SQLITE
def test_access_of_own_account_cannot_be_changed_in_the_profile(ada: Api) -> None:
    for member, value in {"role": "admin", "status": "active"}.items():
        body = problem(ada("PATCH", "/auth/me", json={member: value}), 422, "validation-failed")
        assert pointers(body) == {("body", f"/{member}")}
