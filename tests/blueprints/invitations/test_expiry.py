"""Invitations that are over: listed as such at once, and written down by a sweep that changes nothing else."""

from typing import Any

import pytest
from flask import Flask

from project.blueprints.invitations import service
from project.blueprints.invitations.models import Invitation
from tests.blueprints.invitations.invitation_rows import lapse, rows
from tests.kit.clients.api import Api, created

EARLY, LATE = ["a@example.com", "b@example.com", "c@example.com"], ["d@example.com", "e@example.com"]


@pytest.fixture(autouse=True)
def _invited(app: Flask, ada: Api, organization_id: str) -> None:
    """Three invitations are over, two are pending."""
    for email in EARLY:
        ada.invitation(organization_id, email)
    lapse(app)
    for email in LATE:
        ada.invitation(organization_id, email)


def sweep(app: Flask) -> None:
    with app.app_context():
        service.expire_invitations()


def listed(ada: Api, path: str, status: str) -> list[str]:
    """Whom the invitations on all pages of one are to."""
    emails, cursor = [], {}
    while cursor is not None:
        page: Any = created(ada.get(path, query_string={"status": status, "limit": 1, **cursor}))
        emails += [item["email"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return emails


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_sweep_writes_down_what_is_over_and_nothing_else(
    app: Flask, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(service, "_BATCH", batch)
    sweep(app)
    assert [row.status for row in rows(app, Invitation)] == ["expired"] * 3 + ["pending"] * 2


def test_second_sweep_changes_nothing(app: Flask) -> None:
    sweep(app)
    before = rows(app, Invitation)
    sweep(app)
    assert rows(app, Invitation) == before


def test_listings_are_the_same_before_and_after_a_sweep(app: Flask, ada: Api, path: str) -> None:
    before = [listed(ada, path, status) for status in ("expired", "pending")]
    sweep(app)
    after = [listed(ada, path, status) for status in ("expired", "pending")]
    assert before == after == [EARLY[::-1], LATE[::-1]]


def test_sweep_between_two_pages_moves_nothing(app: Flask, ada: Api, path: str) -> None:
    first = created(ada.get(f"{path}?status=expired&limit=1"))
    sweep(app)
    second = created(ada.get(f"{path}?status=expired&limit=2&cursor={first['next_cursor']}"))
    assert [item["email"] for item in first["items"] + second["items"]] == EARLY[::-1]
