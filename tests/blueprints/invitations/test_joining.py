"""Invitation tokens: looking up an invitation, accepting it, and registering as an invited user."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import delete

from project.blueprints.auth.models import User
from project.blueprints.invitations import repository
from project.blueprints.invitations.models import Invitation
from project.blueprints.organizations.models import Membership
from project.infrastructure import signing
from project.infrastructure.database import current_connection
from tests.blueprints.invitations.invitation_rows import expire_all, list_rows, update_invitations
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.users import verify_email

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GUEST = "guest@example.com"
LOOKALIKES = ["\uff47uest@example.com", "gu\u0435st@example.com", "guest@\u0435xample.com"]
ROUTES = ["lookup", "accept", "register"]


@pytest.fixture
def token(ada: Api, organization_id: str, token_of: Callable[..., str]) -> str:
    """The token of an invitation that makes GUEST an admin."""
    return token_of(ada.invitation(organization_id, GUEST, "admin")["id"])


@pytest.fixture
def guest(api: Api, token: str) -> Api:
    return api.as_new_user(GUEST, display_name="Guest")


def look_up(api: Api, token: str) -> Any:
    return api.post("/invitations/lookup", {"token": token})


def accept(api: Api, token: str) -> Any:
    return api.post("/invitations/accept", {"token": token})


def register(api: Api, token: str, **members: Any) -> Any:
    return api.post("/invitations/register", {"token": token, "password": PASSWORD, "display_name": "Guest", **members})


def use(route: str, api: Api, token: str) -> Any:
    return {"lookup": look_up, "accept": accept, "register": register}[route](api, token)


@ON_SQLITE
@pytest.mark.parametrize("route", ["accept", "register"])
def test_invitation_deleted_while_being_accepted_is_not_found(
    api: Api, ada: Api, token: str, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    def delete_first(*_arguments: object) -> bool:
        current_connection().execute(delete(Invitation))
        return False

    caller = api.as_new_user(GUEST) if route == "accept" else api
    monkeypatch.setattr(repository, "accept", delete_first)
    problem(use(route, caller, token), 404, "not-found")


def test_lookup_returns_inviter_organization_and_role(api: Api, token: str) -> None:
    offer = success(look_up(api, token))
    assert offer.pop("expires_at").endswith("Z")
    assert offer == {
        "organization_name": "Analytical Engines",
        "inviter_name": "Ada",
        "email": GUEST,
        "role": "admin",
        "account_exists": False,
    }


@ON_SQLITE
def test_lookup_reports_existing_account(guest: Api, token: str) -> None:
    assert success(look_up(guest, token))["account_exists"] is True


def test_accepting_creates_membership_and_verifies_email(guest: Api, token: str, organization_id: str) -> None:
    member = success(accept(guest, token))
    assert (member["user_id"], member["role"], member["email"]) == (guest.user["id"], "admin", GUEST)
    assert success(guest.get(f"/organizations/{organization_id}"))["role"] == "admin"
    assert success(guest.get("/auth/me"))["email_verified"] is True


@ON_SQLITE
@pytest.mark.parametrize("email", ["GUEST@example.com", "Guest@Example.COM", "guest@\uff45xample\u3002com"], ids=ascii)
def test_invited_email_is_matched_in_every_spelling(api: Api, token: str, email: str) -> None:
    assert accept(api.as_new_user(email), token).status_code == 200


@pytest.mark.parametrize("email", LOOKALIKES, ids=ascii)
def test_user_with_lookalike_email_cannot_accept_invitation(app: Flask, api: Api, token: str, email: str) -> None:
    problem(accept(api.as_new_user(email), token), 403, "invitation-email-mismatch")
    assert [row.status for row in list_rows(app, Invitation)] == ["pending"]


def test_invitation_can_be_accepted_only_once(guest: Api, token: str) -> None:
    success(accept(guest, token))
    problem(accept(guest, token), 409, "invitation-already-accepted")
    problem(look_up(guest, token), 409, "invitation-already-accepted")


def test_registering_creates_account_and_membership(api: Api, token: str, organization_id: str) -> None:
    user = success(register(api, token))
    assert (user["email"], user["email_verified"], user["display_name"]) == (GUEST, True, "Guest")
    pair = success(api.post("/auth/login", {"email": GUEST, "password": PASSWORD}))
    response = api.get("/organizations", headers={"Authorization": f"Bearer {pair['access_token']}"})
    assert [(item["id"], item["role"]) for item in response.json["items"]] == [(organization_id, "admin")]


def test_registering_with_email_of_verified_account_is_rejected(app: Flask, guest: Api, token: str) -> None:
    verify_email(app, guest)
    problem(register(guest, token), 409, "email-taken")
    assert [row.status for row in list_rows(app, Invitation)] == ["pending"]


def test_registering_takes_over_an_account_that_someone_else_has_registered(
    app: Flask, api: Api, guest: Api, token: str, organization_id: str
) -> None:
    user = success(register(api, token, password=NEW_PASSWORD))
    assert (user["id"], user["email_verified"], user["display_name"]) == (guest.user["id"], True, "Guest")
    problem(guest.get("/auth/me"), 401, "token-revoked")
    problem(api.post("/auth/login", {"email": GUEST, "password": PASSWORD}), 401, "invalid-credentials")
    session = success(api.post("/auth/login", {"email": GUEST, "password": NEW_PASSWORD}))
    assert success(replace(api, tokens=session).get(f"/organizations/{organization_id}"))["role"] == "admin"


def test_rejected_registration_creates_neither_account_nor_membership(app: Flask, api: Api, token: str) -> None:
    expire_all(app)
    problem(register(api, token), 410, "invitation-expired")
    assert (len(list_rows(app, User)), len(list_rows(app, Membership))) == (1, 1)


@ON_SQLITE
@pytest.mark.parametrize("password", ["short", "guest@example.com", "aaaaaaaaaaaaaaaa"])
def test_weak_password_is_rejected_and_invitation_stays_pending(
    app: Flask, api: Api, token: str, password: str
) -> None:
    body = problem(register(api, token, password=password), 422, "validation-failed")
    assert pointers(body) == {("body", "/password")}
    assert [row.status for row in list_rows(app, Invitation)] == ["pending"]


@ON_SQLITE
@pytest.mark.parametrize("member", ["email", "role", "organization_id", "email_verified", "status"])
def test_read_only_fields_are_rejected(api: Api, token: str, member: str) -> None:
    body = problem(register(api, token, **{member: "owner"}), 422, "validation-failed")
    assert pointers(body) == {("body", f"/{member}")}


@ON_SQLITE
@pytest.mark.parametrize("route", ROUTES)
def test_altered_token_is_not_found(guest: Api, token: str, route: str) -> None:
    for index, character in enumerate(token):
        altered = token[:index] + ("A" if character != "A" else "B") + token[index + 1 :]
        problem(use(route, guest, altered), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("malformed", ["x", "..", "\u0000", "é", "x" * 4096])
def test_malformed_token_is_not_found(guest: Api, route: str, malformed: str) -> None:
    problem(use(route, guest, malformed), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize("route", ROUTES)
def test_token_of_another_kind_or_for_unknown_invitation_is_not_found(app: Flask, guest: Api, route: str) -> None:
    with app.app_context():
        unknown_token = signing.issue("invitation", uuid4(), 1)
    for other in (unknown_token, guest.tokens["refresh_token"], guest.tokens["access_token"]):
        problem(use(route, guest, other), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize("route", ["lookup", "register"])
def test_lookup_and_registration_reject_expired_invitation(app: Flask, api: Api, token: str, route: str) -> None:
    expire_all(app)
    problem(use(route, api, token), 410, "invitation-expired")


def test_accepting_expired_invitation_creates_no_membership(app: Flask, guest: Api, token: str) -> None:
    expire_all(app)
    problem(accept(guest, token), 410, "invitation-expired")
    assert len(list_rows(app, Membership)) == 1
    assert success(guest.get("/auth/me"))["email_verified"] is False


@pytest.mark.parametrize("route", ROUTES)
@ON_SQLITE
def test_replaced_token_is_rejected(app: Flask, guest: Api, token: str, route: str) -> None:
    update_invitations(app, token_version=2)
    problem(use(route, guest, token), 410, "invitation-replaced")


@pytest.mark.parametrize("route", ROUTES)
@ON_SQLITE
def test_token_with_future_version_is_rejected(
    ada: Api, guest: Api, token: str, token_of: Callable[..., str], path: str, route: str
) -> None:
    invitation_id = success(ada.get(path))["items"][0]["id"]
    problem(use(route, guest, token_of(invitation_id, 2)), 410, "invitation-replaced")


def test_errors_are_reported_in_order_of_precedence(app: Flask, ada: Api, guest: Api, token: str) -> None:
    expire_all(app)
    problem(accept(ada, token), 403, "invitation-email-mismatch")
    problem(accept(guest, token), 410, "invitation-expired")
    update_invitations(app, token_version=2)
    problem(accept(ada, token), 410, "invitation-replaced")
    problem(accept(ada, f"{token}x"), 404, "not-found")


def test_existing_member_cannot_accept_invitation_and_nothing_changes(
    app: Flask, ada: Api, organization_id: str, token: str, token_of: Callable[..., str]
) -> None:
    guest = ada.as_new_user(GUEST)
    success(accept(guest, token))
    update_invitations(app, status="pending", role="member")
    problem(accept(guest, token), 409, "already-a-member")
    assert [row.role for row in list_rows(app, Membership)] == ["owner", "admin"]
    assert [row.status for row in list_rows(app, Invitation)] == ["pending"]


@ON_SQLITE
def test_accepting_requires_authentication_but_looking_up_does_not(api: Api, token: str) -> None:
    problem(accept(api, token), 401, "authentication-required")
    assert look_up(api, token).status_code == 200
