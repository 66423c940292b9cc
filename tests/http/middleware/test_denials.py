"""Denied requests (403) of authenticated callers are recorded in the audit trail."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from project.config import Settings
from project.errors import ServiceUnavailable
from project.http.routing.access import admin as only_admins
from project.infrastructure import audit
from tests.blueprints.conftest import IssueToken, token_of
from tests.kit.clients.api import Api, problem, success
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.fixtures.apps import application

__all__ = ["token_of"]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def admin(app: Flask, api: Api) -> Api:
    return create_administrator(app, api)


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user("ada@example.com")


def denials(admin: Api) -> list[dict[str, Any]]:
    """Return the denied entries, oldest first."""
    entries = success(admin.get("/audit", query_string={"limit": "100"}))["items"]
    return [entry for entry in reversed(entries) if entry["outcome"] == "denied"]


def test_denied_request_is_recorded_with_its_operation_and_resource(admin: Api, ada: Api) -> None:
    user_id = str(uuid4())
    response = ada("PATCH", f"/users/{user_id}", json={"role": "admin"}, headers={"X-Request-ID": "a-request"})
    problem(response, 403, "permission-denied")
    [entry] = denials(admin)
    assert entry["actor"]["id"] == ada.user["id"]
    assert (entry["action"], entry["target"]) == ("users.update_user", {"type": "user", "id": user_id})
    assert (entry["organization_id"], entry["ip_address"], entry["request_id"]) == (None, "127.0.0.1", "a-request")


def test_denied_request_without_resource_has_no_target(admin: Api, ada: Api) -> None:
    problem(ada.get("/users"), 403, "permission-denied")
    [entry] = denials(admin)
    assert (entry["action"], entry["target"]) == ("users.list_users", None)


def test_action_denied_by_a_service_is_recorded_and_has_no_effect(admin: Api, ada: Api, token_of: IssueToken) -> None:
    organization_id = ada.organization()["id"]
    grace = ada.as_new_user("grace@example.com")
    invitation = ada.invitation(organization_id, "grace@example.com", "admin")
    success(grace.post("/invitations/accept", {"token": token_of(invitation["id"])}))
    path, body = f"/organizations/{organization_id}/invitations", {"email": "eve@example.com", "role": "owner"}
    for _ in range(2):
        response = grace.post(path, body, headers={"Idempotency-Key": "a-key"})
        problem(response, 403, "permission-denied")
    first, second = denials(admin)
    assert (first["action"], first["actor"]["id"]) == ("invitations.create_invitation", grace.user["id"])
    assert first["target"] == {"type": "organization", "id": organization_id}
    assert first["organization_id"] == second["organization_id"] == organization_id
    assert len(success(ada.get(path))["items"]) == 1
    assert {entry["id"] for entry in success(ada.get(f"/organizations/{organization_id}/audit"))["items"]} > {
        first["id"]
    }


def test_invitation_for_another_address_is_recorded(admin: Api, ada: Api, token_of: IssueToken) -> None:
    invitation = ada.invitation(ada.organization()["id"], "grace@example.com")
    body = {"token": token_of(invitation["id"])}
    problem(ada.post("/invitations/accept", body), 403, "invitation-email-mismatch")
    assert [entry["action"] for entry in denials(admin)] == ["invitations.accept_invitation"]


def test_other_rejections_are_not_recorded(api: Api, admin: Api, ada: Api) -> None:
    problem(api.get("/users"), 401, "authentication-required")
    problem(ada.get(f"/organizations/{uuid4()}"), 404, "not-found")
    problem(ada.post("/organizations", {}), 422, "validation-failed")
    assert denials(admin) == []


def test_users_cannot_write_to_the_audit_trail_of_an_organization_that_they_do_not_belong_to(
    settings: Settings, admin: Api, ada: Api
) -> None:
    with application(settings) as app:
        app.add_url_rule("/api/v1/seeded/<uuid:organization_id>", "seeded", lambda **_ids: "", access=only_admins)
        organization_id = str(uuid4())
        response = app.test_client().get(
            f"/api/v1/seeded/{organization_id}", headers={"Authorization": f"Bearer {ada.tokens['access_token']}"}
        )
    problem(response, 403, "permission-denied")
    [entry] = denials(admin)
    assert (entry["target"], entry["organization_id"]) == ({"type": "organization", "id": organization_id}, None)


def test_request_is_denied_even_if_the_denial_cannot_be_recorded(ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_values: Any) -> None:
        raise ServiceUnavailable

    events: list[str] = []
    monkeypatch.setattr(audit, "record", fail)
    monkeypatch.setattr("project.http.middleware.denials.logger.warning", lambda event, **_values: events.append(event))
    problem(ada.get("/users"), 403, "permission-denied")
    assert events == ["audit.denial_not_recorded"]
