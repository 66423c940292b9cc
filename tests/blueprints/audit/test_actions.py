"""Every action that is relevant to security leaves an entry."""

from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from project.blueprints.auth import service
from project.blueprints.auth.models import User
from project.config import Settings
from project.infrastructure import signing
from project.infrastructure.audit import AuditEntry
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from tests.blueprints.audit.conftest import Trail
from tests.blueprints.conftest import IssueToken
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, problem, success
from tests.kit.fixtures.apps import application

ADA = "ada@example.com"
SESSION = "session:other"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def ada(api: Api, trail: Trail) -> Api:
    """A new user, whose registration and first login are recorded after the start of the trail."""
    return api.as_new_user(ADA, display_name="Ada")


def start_reset(app: Flask, user: Api) -> str:
    """Start a password reset, as its job does, and return the token."""
    with app.app_context():
        service.start_password_reset(user.user["email"], requested_at=now())
        return signing.issue("password-reset", UUID(user.user["id"]), 1)


def email_token(app: Flask, user: Api, version: int) -> str:
    with app.app_context():
        return signing.issue("email-verification", UUID(user.user["id"]), version)


def test_registration_and_login_are_recorded(ada: Api, trail: Trail) -> None:
    ids = {"ada": ada.user["id"], "session": ada.tokens["session_id"]}
    assert trail(**ids) == ["- auth.register user:ada", "ada auth.log_in session:session"]


def test_ends_of_sessions_are_recorded(ada: Api, trail: Trail) -> None:
    second, third = ada.with_new_session(), ada.with_new_session()
    ids = {"ada": ada.user["id"], "second": second.tokens["session_id"], "third": third.tokens["session_id"]}
    second.post("/auth/logout")
    ada.delete(f"/auth/sessions/{ids['third']}")
    ada.post("/auth/logout-all")
    assert trail(**ids)[4:] == [
        "ada auth.log_out session:second",
        "ada auth.end_session session:third",
        "ada auth.log_out_everywhere user:ada",
    ]


def test_logout_that_ends_no_session_leaves_no_entry(app: Flask, ada: Api, trail: Trail) -> None:
    with app.app_context():
        for _ in range(2):
            service.log_out(UUID(ada.tokens["session_id"]), user_id=UUID(ada.user["id"]))
    assert trail(ada=ada.user["id"])[2:] == [f"ada auth.log_out {SESSION}"]


def test_reuse_of_a_refresh_token_is_recorded_once(ada: Api, api: Api, trail: Trail) -> None:
    body, ids = {"refresh_token": ada.tokens["refresh_token"]}, {"ada": ada.user["id"]}
    for _ in range(2):
        body = {"refresh_token": success(api.post("/auth/refresh", body))["refresh_token"]}
    body = {"refresh_token": ada.tokens["refresh_token"]}
    problem(api.post("/auth/refresh", body), 401, "refresh-token-reused")
    problem(api.post("/auth/refresh", body), 401, "refresh-token-invalid")
    ids["session"] = ada.tokens["session_id"]
    assert trail(**ids)[2:] == ["ada auth.reuse_refresh_token session:session denied"]


def test_changes_of_passwords_are_recorded(app: Flask, ada: Api, trail: Trail) -> None:
    body = {"token": start_reset(app, ada), "new_password": NEW_PASSWORD}
    ada.post("/auth/password-reset/confirm", body)
    ada = Api(ada.client, success(ada.post("/auth/login", {"email": ADA, "password": NEW_PASSWORD})), ada.user)
    ada.post("/auth/password", {"current_password": NEW_PASSWORD, "new_password": PASSWORD})
    assert trail(ada=ada.user["id"])[2:] == [
        "- auth.request_password_reset user:ada",
        "ada auth.reset_password user:ada",
        f"ada auth.log_in {SESSION}",
        "ada auth.change_password user:ada",
    ]


def test_password_reset_of_unknown_address_leaves_no_entry(app: Flask, trail: Trail) -> None:
    with app.app_context():
        service.start_password_reset("unknown@example.com", requested_at=now())
    assert trail() == []


def test_changes_of_email_addresses_are_recorded(app: Flask, ada: Api, trail: Trail) -> None:
    ada.post("/auth/email-verification/confirm", {"token": email_token(app, ada, 1)})
    ada.post("/auth/email", {"email": "ada@example.org", "password": PASSWORD})
    ada.post("/auth/email-verification/confirm", {"token": email_token(app, ada, 3)})
    assert trail(ada=ada.user["id"])[2:] == [
        "ada auth.confirm_email user:ada",
        "ada auth.change_email user:ada",
        "ada auth.confirm_email user:ada",
    ]


def test_takeover_of_an_unverified_account_is_recorded(app: Flask, ada: Api, trail: Trail) -> None:
    ada.post("/auth/email-verification/confirm", {"token": email_token(app, ada, 1), "new_password": NEW_PASSWORD})
    assert trail(ada=ada.user["id"])[2:] == ["ada auth.claim_account user:ada"]


@pytest.mark.parametrize("password", ["wrong password", PASSWORD])
def test_failed_logins_are_recorded_without_what_was_typed(
    app: Flask, ada: Api, api: Api, trail: Trail, password: str
) -> None:
    email = ADA if password != PASSWORD else "unknown@example.com"
    problem(api.post("/auth/login", {"email": email, "password": password}), 401, "invalid-credentials")
    target = "user:ada" if email == ADA else "-"
    assert trail(ada=ada.user["id"])[2:] == [f"- auth.log_in {target} denied"]
    with app.app_context(), read() as connection:
        entries = str(connection.execute(select(AuditEntry.__table__)).all())
    assert not [text for text in (email, ADA, password, "herons") if text in entries]


def test_login_to_disabled_account_is_recorded(admin: Api, ada: Api, trail: Trail) -> None:
    admin("PATCH", f"/users/{ada.user['id']}", json={"status": "disabled"})
    problem(ada.post("/auth/login", {"email": ADA, "password": PASSWORD}), 403, "account-disabled")
    assert trail(ada=ada.user["id"])[3:] == ["- auth.log_in user:ada denied"]


def test_login_without_confirmed_address_is_recorded(settings: Settings, ada: Api, trail: Trail) -> None:
    with application(settings.model_copy(update={"registration_mode": "confirm"})) as app:
        body = {"email": ADA, "password": PASSWORD}
        problem(Api(app.test_client()).post("/auth/login", body), 403, "email-not-verified")
    assert trail(ada=ada.user["id"])[2:] == ["- auth.log_in user:ada denied"]


def test_registrations_of_known_and_unknown_addresses_leave_one_entry_each(
    settings: Settings, ada: Api, trail: Trail
) -> None:
    with application(settings.model_copy(update={"registration_mode": "confirm"})) as app:
        for email in (ADA, "new@example.com"):
            success(Api(app.test_client()).post("/auth/register", {"email": email, "password": PASSWORD}))
    assert trail(ada=ada.user["id"])[2:] == ["- auth.register - denied", "- auth.register user:other"]


def test_logins_rejected_by_the_rate_limit_are_not_recorded(settings: Settings, ada: Api, trail: Trail) -> None:
    limits = {"rate_limit_enabled": True, "password_attempts_per_15_minutes": 2}
    with application(settings.model_copy(update=limits)) as app:
        limited = Api(app.test_client())
        responses = [limited.post("/auth/login", {"email": ADA, "password": "wrong password"}) for _ in range(4)]
    assert [response.status_code for response in responses] == [401, 401, 429, 429]
    assert trail(ada=ada.user["id"])[2:] == ["- auth.log_in user:ada denied"] * 2


def test_changes_by_admins_are_recorded(admin: Api, ada: Api, trail: Trail) -> None:
    path, ids = f"/users/{ada.user['id']}", {"ada": ada.user["id"], "admin": admin.user["id"]}
    for changes in ({"role": "admin"}, {"role": "admin"}, {"role": "user", "status": "disabled"}, {"status": "active"}):
        admin("PATCH", path, json=changes)
    admin.delete(f"{path}/sessions")
    assert trail(**ids)[2:] == [
        "admin users.grant_admin user:ada",
        "admin users.revoke_admin user:ada",
        "admin users.disable user:ada",
        "admin users.enable user:ada",
        "admin users.end_user_sessions user:ada",
    ]


def test_actions_in_organizations_are_recorded(ada: Api, trail: Trail, token_of: IssueToken) -> None:
    organization_id, ids = ada.organization()["id"], {"ada": ada.user["id"]}
    invitations = [ada.invitation(organization_id, f"{name}@example.com")["id"] for name in ("grace", "new")]
    grace = ada.as_new_user("grace@example.com")
    grace.post("/invitations/accept", {"token": token_of(invitations[0])})
    body = {"token": token_of(invitations[1]), "password": PASSWORD, "display_name": "New"}
    ids |= {"engines": organization_id, "first": invitations[0], "second": invitations[1]}
    ids |= {"grace": grace.user["id"], "new": success(ada.post("/invitations/register", body))["id"]}
    assert trail(**ids)[2:] == [
        "ada organizations.create_organization organization:engines",
        "ada invitations.create_invitation invitation:first",
        "ada invitations.create_invitation invitation:second",
        "- auth.register user:grace",
        f"grace auth.log_in {SESSION}",
        "grace invitations.accept_invitation invitation:first",
        "grace organizations.join organization:engines",
        "- auth.register user:new",
        "new invitations.accept_invitation invitation:second",
        "new organizations.join organization:engines",
    ]
    recorded = success(ada.get(f"/organizations/{organization_id}/audit"))["items"]
    assert {entry["organization_id"] for entry in recorded} == {organization_id}
    assert len(recorded) == 7


def test_account_that_passes_to_an_invited_person_is_recorded(
    ada: Api, api: Api, trail: Trail, token_of: IssueToken
) -> None:
    user = api.register("grace@example.com")
    invitation = ada.invitation(ada.organization()["id"], "grace@example.com")
    body = {"token": token_of(invitation["id"]), "password": NEW_PASSWORD, "display_name": "Grace"}
    success(api.post("/invitations/register", body))
    assert "grace auth.claim_account user:grace" in trail(grace=user["id"])


def test_entries_outlive_their_actors(app: Flask, ada: Api, admin: Api) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(update(User).where(User.id == UUID(admin.user["id"])).values(display_name="Root"))
        connection.execute(delete(User).where(User.id == UUID(ada.user["id"])))
    entries = success(admin.get("/audit", query_string={"action": "auth.log_in"}))["items"]
    assert [entry["actor"] for entry in entries] == [
        {"id": ada.user["id"], "display_name": None},
        {"id": admin.user["id"], "display_name": "Root"},
    ]
