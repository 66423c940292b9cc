"""Admins list audit entries, admins of organizations those of their organizations, and old entries are purged."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from project.blueprints.audit import service
from project.infrastructure import audit
from project.infrastructure.audit import AuditEntry
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from tests.kit.clients.api import Api, pointers, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA, GRACE, ENGINES, OTHER = (uuid4() for _ in range(4))
Record = Callable[..., None]


@pytest.fixture
def record(app: Flask) -> Record:
    """A function that records an action."""

    def record(action: str, **values: Any) -> None:
        with app.app_context(), transaction():
            audit.record(action, **values)

    return record


def actions(api: Api, path: str = "/audit", **query: object) -> list[tuple[str, str | None]]:
    """Return the actions of the listed entries with the `tests` prefix, and the ids of their actors."""
    items = success(api.get(path, query_string=query))["items"]
    return [
        (item["action"].removeprefix("tests."), item["actor"] and item["actor"]["id"])
        for item in items
        if item["action"].startswith("tests.")
    ]


def test_entry_has_the_time_client_ip_and_request_id_of_its_request(admin: Api) -> None:
    before = now()
    headers = {"X-Request-ID": "a-request"}
    organization = success(admin.post("/organizations", {"name": "Engines"}, headers=headers))
    [entry] = success(admin.get("/audit", query_string={"limit": "1"}))["items"]
    assert before <= datetime.fromisoformat(entry.pop("at")) <= now()
    assert UUID(entry.pop("id")).version == 7
    assert entry == {
        "actor": {"id": admin.user["id"], "display_name": admin.user["display_name"]},
        "action": "organizations.create_organization",
        "target": {"type": "organization", "id": organization["id"]},
        "organization_id": organization["id"],
        "ip_address": "127.0.0.1",
        "request_id": "a-request",
        "outcome": "success",
    }


def test_entries_are_filtered_by_action_actor_and_organization(admin: Api, record: Record) -> None:
    for action in ("tests.first", "tests.second"):
        for actor_id in (ADA, GRACE, None):
            for organization_id in (ENGINES, OTHER, None):
                record(action, actor_id=actor_id, organization_id=organization_id)
    assert len(actions(admin, limit=100)) == 18
    assert {action for action, _actor in actions(admin, action="tests.first", limit=100)} == {"first"}
    assert actions(admin, actor_id=ADA) == [("second", str(ADA))] * 3 + [("first", str(ADA))] * 3
    assert actions(admin, actor_id=ADA, action="tests.first") == [("first", str(ADA))] * 3
    assert actions(admin, organization_id=ENGINES, actor_id=GRACE, action="tests.second") == [("second", str(GRACE))]
    assert len(actions(admin, organization_id=ENGINES)) == 6
    assert actions(admin, organization_id=uuid4()) == []


def test_organization_admins_see_only_the_entries_of_their_organization(api: Api, admin: Api, record: Record) -> None:
    owner = api.as_new_user()
    ids = [UUID(owner.organization()["id"]) for _ in range(2)]
    for organization_id in (*ids, None):
        for action in ("tests.first", "tests.second"):
            record(action, actor_id=ADA, organization_id=organization_id)
    path = f"/organizations/{ids[0]}/audit"
    assert actions(owner, path) == [("second", str(ADA)), ("first", str(ADA))]
    assert actions(owner, path, action="tests.first", actor_id=ADA) == [("first", str(ADA))]
    assert actions(owner, path, actor_id=GRACE) == []
    problem(admin.get(path), 404, "not-found")
    body = problem(owner.get(path, query_string={"organization_id": ids[1]}), 422, "validation-failed")
    assert pointers(body) == {("query", "/organization_id")}


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "value"),
    [("action", "log_in"), ("action", "auth."), ("action", "AUTH.LOG_IN"), ("actor_id", "1"), ("organization_id", "")],
)
def test_invalid_filters_are_rejected(admin: Api, name: str, value: str) -> None:
    body = problem(admin.get("/audit", query_string={name: value}), 422, "validation-failed")
    assert pointers(body) == {("query", f"/{name}")}


def test_entries_are_purged_after_the_retention_period(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BATCH", 2)
    at = now()
    ages = [timedelta(days=age) for age in (400, 400, 401, 402, 399, 0)]
    with app.app_context():
        for number, age in enumerate(ages):
            written_at = at - age - timedelta(seconds=1)
            entry_id = UUID(int=audit._first_id_at(written_at).int + number)
            monkeypatch.setattr(audit, "new_id", lambda entry_id=entry_id: entry_id)
            with transaction():
                audit.record(f"tests.number_{number}", actor_id=None)
        service.purge_entries()
        with read() as connection:
            left = connection.scalars(select(AuditEntry.action).order_by(AuditEntry.action)).all()
    assert left == ["tests.number_4", "tests.number_5"]
