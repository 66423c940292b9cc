"""Deleting an account: what ends with it, what stays, and who cannot delete theirs."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from celery import current_app as celery
from flask import Flask
from sqlalchemy import select

from project.blueprints.auth.models import User
from project.blueprints.auth.service import update_profile
from project.blueprints.files.models import File
from project.config import current_settings
from project.errors import NotFound
from project.infrastructure.database import read
from project.infrastructure.mail import read_mailbox
from tests.kit.clients.api import PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.fixtures.jobs import list_jobs
from tests.kit.fixtures.users import verify_email
from worker.discovery import import_tasks

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EMAIL = "ada@example.com"


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user(EMAIL, display_name="Ada")


def delete(user: Api, password: str = PASSWORD) -> Any:
    return user.post("/auth/me/deletion", {"password": password})


def log_in(api: Api, password: str = PASSWORD) -> Any:
    return api.post("/auth/login", {"email": EMAIL, "password": password})


def run_jobs(app: Flask, name: str) -> None:
    """Run all jobs with this name, even if they are not due."""
    import_tasks(app)
    with app.app_context():
        for job in list_jobs(name):
            celery.tasks[name].run(str(job.id))


def test_deletion_ends_all_sessions_and_frees_the_address(api: Api, ada: Api) -> None:
    phone, grace = ada.with_new_session(), api.as_new_user()
    assert delete(ada).status_code == 204
    for session in (ada, phone):
        problem(session.get("/auth/me"), 401, "token-revoked")
        refresh_token = session.tokens["refresh_token"]
        problem(api.post("/auth/refresh", {"refresh_token": refresh_token}), 401, "refresh-token-invalid")
    problem(log_in(api), 401, "invalid-credentials")
    assert grace.get("/auth/me").status_code == 200
    assert api.as_new_user(EMAIL).user["id"] != ada.user["id"]


def test_row_keeps_no_personal_data(app: Flask, ada: Api) -> None:
    ada.post("/auth/email", {"email": "ada@example.org", "password": PASSWORD})
    delete(ada)
    with app.app_context(), read() as connection:
        row = repr(connection.execute(select(User.__table__)).one())
    assert "ada" not in row.lower()
    assert "argon2" not in row


def test_wrong_password_is_a_validation_error_and_deletes_nothing(api: Api, ada: Api) -> None:
    response = delete(ada, "another password")
    assert pointers(problem(response, 422, "validation-failed")) == {("body", "/password")}
    assert log_in(api).status_code == 200


def test_deleted_user_is_no_longer_a_member(api: Api, ada: Api, join: Callable[..., Api]) -> None:
    organization_id = ada.organization()["id"]
    guest, other = join(ada, organization_id), join(ada, organization_id)
    delete(guest)
    members = success(ada.get(f"/organizations/{organization_id}/members"))["items"]
    assert {member["user_id"] for member in members} == {ada.user["id"], other.user["id"]}


def test_only_owner_of_an_organization_cannot_delete_the_account(api: Api, ada: Api, join: Callable[..., Api]) -> None:
    organization_id = ada.organization()["id"]
    join(ada, organization_id, "admin")
    problem(delete(ada), 409, "last-owner")
    assert success(ada.get(f"/organizations/{organization_id}"))["role"] == "owner"
    join(ada, organization_id, "owner")
    assert delete(ada).status_code == 204


@ON_SQLITE
def test_owner_of_several_organizations_must_not_be_the_only_one_of_any(ada: Api, join: Callable[..., Api]) -> None:
    shared, _own = (ada.organization(name)["id"] for name in ("Shared", "Own"))
    join(ada, shared, "owner")
    problem(delete(ada), 409, "last-owner")


@ON_SQLITE
def test_last_admin_cannot_delete_the_account(app: Flask, api: Api) -> None:
    first, second = create_administrator(app, api), create_administrator(app, api)
    assert delete(first).status_code == 204
    problem(delete(second), 409, "last-admin")


@ON_SQLITE
def test_personal_files_are_trashed_and_files_in_organizations_stay(
    app: Flask, api: Api, ada: Api, join: Callable[..., Api]
) -> None:
    organization_id = ada.organization()["id"]
    guest, grace = join(ada, organization_id), api.as_new_user()
    personal, others = (success(user.upload())["id"] for user in (guest, grace))
    shared = success(guest.upload(organization_id=organization_id))["id"]
    delete(guest)
    run_jobs(app, "account_deletion.trash_files")
    assert file_statuses(app) == {personal: "trashed", others: "stored", shared: "stored"}
    assert success(ada.get(f"/files/{shared}"))["owner_id"] == guest.user["id"]


@ON_SQLITE
def test_upload_that_completes_after_the_deletion_is_trashed_too(app: Flask, ada: Api) -> None:
    delete(ada)
    with app.app_context():
        jobs = list_jobs("account_deletion.trash_files")
        delays = [(job.due_at - job.created_at).total_seconds() for job in jobs]
        assert [round(delay) for delay in delays] == [0, current_settings().upload_timeout_seconds]


@ON_SQLITE
def test_user_is_notified_at_the_previous_address(app: Flask, ada: Api) -> None:
    verify_email(app, ada)
    delete(ada)
    run_jobs(app, "auth.send_notice")
    with app.app_context():
        [message] = read_mailbox(current_settings().data_dir / "mail", limit=10)
    assert (message.to, message.subject) == (EMAIL, "Your account was deleted")


@ON_SQLITE
def test_pending_tokens_are_invalid(app: Flask, api: Api, ada: Api) -> None:
    delete(ada)
    run_jobs(app, "auth.send_verification")
    with app.app_context():
        assert read_mailbox(current_settings().data_dir / "mail", limit=10) == []


@ON_SQLITE
def test_admins_no_longer_see_the_account(app: Flask, api: Api, ada: Api) -> None:
    admin = create_administrator(app, api)
    delete(ada)
    path = f"/users/{ada.user['id']}"
    assert [user["id"] for user in success(admin.get("/users"))["items"]] == [admin.user["id"]]
    problem(admin.get(path), 404, "not-found")
    problem(admin("PATCH", path, json={"status": "active"}), 404, "not-found")
    problem(admin.delete(f"{path}/sessions"), 404, "not-found")


@ON_SQLITE
def test_invitations_of_the_deleted_user_remain_readable(app: Flask, ada: Api, join: Callable[..., Api]) -> None:
    organization_id = ada.organization()["id"]
    owner = join(ada, organization_id, "owner")
    invitation = owner.invitation(organization_id, "charles@example.com")
    delete(owner)
    found = success(ada.get(f"/organizations/{organization_id}/invitations/{invitation['id']}"))
    assert found["invited_by"] == {"id": owner.user["id"], "display_name": "Deleted user"}


@ON_SQLITE
def test_request_in_flight_cannot_restore_personal_data(app: Flask, ada: Api) -> None:
    delete(ada)
    with app.app_context(), pytest.raises(NotFound):
        update_profile(UUID(ada.user["id"]), versions=None, display_name="Ada")


def file_statuses(app: Flask) -> dict[str, str]:
    with app.app_context(), read() as connection:
        return {str(row.id): row.status for row in connection.execute(select(File.id, File.status))}
