"""Creating and reading invitations: permissions, uniqueness, and input validation."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from project.blueprints.invitations.models import Invitation
from project.infrastructure.database import db
from project.infrastructure.jobs import Job
from tests.blueprints.invitations.invitation_rows import expire_all, list_emailed_ids, list_rows
from tests.kit.clients.api import Api, pointers, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNKNOWN_ID = "01a20472-de38-71e6-9445-d8d74c06d560"
Join = Callable[..., Api]
GUEST = "guest@example.com"


def test_new_invitation_is_pending_and_expires_after_seven_days(ada: Api, organization_id: str, path: str) -> None:
    invitation = ada.invitation(organization_id, "Guest@Example.com", "admin")
    lifetime = datetime.fromisoformat(invitation["expires_at"]) - datetime.fromisoformat(invitation["created_at"])
    assert abs(lifetime - timedelta(days=7)) < timedelta(seconds=5)
    assert invitation["invited_by"] == {"id": ada.user["id"], "display_name": "Ada"}
    assert [invitation[name] for name in ("email", "role", "status", "delivery", "organization_id")] == [
        *("Guest@Example.com", "admin", "pending", "queued"),
        organization_id,
    ]
    assert success(ada.get(f"{path}/{invitation['id']}")) == invitation


def test_creating_an_invitation_queues_one_email_job(app: Flask, ada: Api, organization_id: str) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    assert list_emailed_ids(app) == [invitation["id"]]


@pytest.mark.parametrize("email", [GUEST, "GUEST@Example.com"])
def test_second_invitation_to_same_email_is_rejected(
    app: Flask, ada: Api, organization_id: str, path: str, email: str
) -> None:
    first = ada.invitation(organization_id, GUEST)
    body = problem(ada.post(path, {"email": email, "role": "admin"}), 409, "invitation-pending")
    assert body["invitation_id"] == first["id"]
    assert (len(list_rows(app, Invitation)), list_emailed_ids(app)) == (1, [first["id"]])


@ON_SQLITE
def test_same_email_can_be_invited_to_two_organizations(ada: Api, organization_id: str) -> None:
    ada.invitation(organization_id, GUEST)
    assert ada.invitation(ada.organization("Other")["id"], GUEST)["status"] == "pending"


def test_inviting_an_existing_member_is_rejected(app: Flask, ada: Api, path: str) -> None:
    problem(ada.post(path, {"email": "ADA@example.com", "role": "member"}), 409, "already-a-member")
    assert list_emailed_ids(app) == []


def test_same_email_can_be_invited_again_after_invitation_expires(app: Flask, ada: Api, organization_id: str) -> None:
    ada.invitation(organization_id, GUEST)
    expire_all(app)
    assert ada.invitation(organization_id, GUEST)["status"] == "pending"
    assert [row.status for row in list_rows(app, Invitation)] == ["expired", "pending"]


@ON_SQLITE
@pytest.mark.parametrize("role", ["member", "admin"])
def test_admin_can_invite_members_and_admins(ada: Api, join: Join, organization_id: str, role: str) -> None:
    assert join(ada, organization_id, "admin").invitation(organization_id, GUEST, role)["role"] == role


@ON_SQLITE
def test_inviting_reads_the_membership_of_the_inviter_once(app: Flask, ada: Api, path: str) -> None:
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_context: object) -> None:
        statements.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", record)
    success(ada.post(path, {"email": GUEST, "role": "owner"}))
    assert len([statement for statement in statements if "FROM memberships" in statement]) == 1


def test_only_owners_can_invite_owners(ada: Api, join: Join, organization_id: str, path: str) -> None:
    admin = join(ada, organization_id, "admin")
    problem(admin.post(path, {"email": GUEST, "role": "owner"}), 403, "permission-denied")
    assert ada.invitation(organization_id, GUEST, "owner")["role"] == "owner"


@ON_SQLITE
def test_member_can_neither_create_nor_read_invitations(ada: Api, join: Join, organization_id: str, path: str) -> None:
    member = join(ada, organization_id)
    invitation = ada.invitation(organization_id, GUEST)
    problem(member.post(path, {"email": "x@example.com", "role": "member"}), 403, "permission-denied")
    problem(member.get(path), 403, "permission-denied")
    problem(member.get(f"{path}/{invitation['id']}"), 403, "permission-denied")


@ON_SQLITE
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_invitations_are_not_found_for_non_members(app: Flask, ada: Api, path: str, method: str) -> None:
    eve = ada.as_new_user()
    problem(eve(method, path, json={"email": GUEST, "role": "member"}), 404, "not-found")
    assert list_rows(app, Invitation) == []


@ON_SQLITE
def test_invitation_is_not_found_in_another_organization(ada: Api, organization_id: str) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    other = ada.organization("Other")["id"]
    hidden = ada.get(f"/organizations/{other}/invitations/{invitation['id']}", headers={"X-Request-ID": "same"})
    absent = ada.get(f"/organizations/{other}/invitations/{UNKNOWN_ID}", headers={"X-Request-ID": "same"})
    assert hidden.json["detail"] == problem(absent, 404, "not-found")["detail"]


def test_status_filter_treats_invitation_past_its_expiry_as_expired(
    app: Flask, ada: Api, join: Join, organization_id: str, path: str
) -> None:
    accepted = join(ada, organization_id).user["email"]
    ada.invitation(organization_id, "late@example.com")
    expire_all(app)
    ada.invitation(organization_id, GUEST)
    by_status = {"accepted": [accepted], "expired": ["late@example.com"], "pending": [GUEST]}
    for status, emails in by_status.items():
        items = success(ada.get(f"{path}?status={status}"))["items"]
        assert [(item["email"], item["status"]) for item in items] == [(email, status) for email in emails]
    assert len(success(ada.get(path))["items"]) == 3


@ON_SQLITE
@pytest.mark.parametrize("status", ["", "Pending", "gone", "pending,expired"])
def test_unknown_status_is_rejected(ada: Api, path: str, status: str) -> None:
    assert pointers(problem(ada.get(f"{path}?status={status}"), 422, "validation-failed")) == {("query", "/status")}


@ON_SQLITE
@pytest.mark.parametrize("role", ["", "Owner", "superuser", "admin ", None, 1])
def test_unknown_role_is_rejected(ada: Api, path: str, role: Any) -> None:
    body = problem(ada.post(path, {"email": GUEST, "role": role}), 422, "validation-failed")
    assert pointers(body) == {("body", "/role")}


@ON_SQLITE
@pytest.mark.parametrize("email", ["x", f"{GUEST}\nBcc: eve@example.com", f"{GUEST}, x@example.com"])
def test_invalid_email_is_rejected(app: Flask, ada: Api, path: str, email: str) -> None:
    body = problem(ada.post(path, {"email": email, "role": "member"}), 422, "validation-failed")
    assert pointers(body) == {("body", "/email")}
    assert list_emailed_ids(app) == []


@ON_SQLITE
@pytest.mark.parametrize("member", ["id", "status", "organization_id", "invited_by", "expires_at", "token", "version"])
def test_read_only_fields_are_rejected(ada: Api, path: str, member: str) -> None:
    body = problem(ada.post(path, {"email": GUEST, "role": "member", member: "x"}), 422, "validation-failed")
    assert pointers(body) == {("body", f"/{member}")}


@ON_SQLITE
def test_token_is_neither_returned_nor_stored(
    app: Flask, ada: Api, organization_id: str, path: str, token_of: Callable[..., str]
) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    mac = token_of(invitation["id"]).rpartition(".")[2]
    responses = [ada.get(path).data, ada.get(f"{path}/{invitation['id']}").data]
    assert not [text for text in (repr(invitation), *map(repr, responses)) if mac in text]
    assert mac not in repr([list_rows(app, Job), list_rows(app, Invitation)])
