"""Expired invitations are listed as expired immediately; the expiry job only records the status."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from project.blueprints.invitations import service
from project.blueprints.invitations.models import Invitation
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from tests.blueprints.invitations.invitation_rows import expire_all, list_rows
from tests.kit.clients.api import Api, success

EXPIRED, PENDING = ["a@example.com", "b@example.com", "c@example.com"], ["d@example.com", "e@example.com"]


@pytest.fixture(autouse=True)
def _invitations(app: Flask, ada: Api, organization_id: str) -> None:
    """Three expired and two pending invitations."""
    for email in EXPIRED:
        ada.invitation(organization_id, email)
    expire_all(app)
    for email in PENDING:
        ada.invitation(organization_id, email)


def run_expiry_job(app: Flask) -> None:
    with app.app_context():
        service.expire_invitations()


def list_emails(ada: Api, path: str, status: str) -> list[str]:
    """Return the recipients of the invitations with the given status, fetched one per page."""
    emails, cursor = [], {}
    while cursor is not None:
        page: Any = success(ada.get(path, query_string={"status": status, "limit": 1, **cursor}))
        emails += [item["email"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return emails


@pytest.mark.parametrize("batch_size", [1, 2, 3, 1000])
def test_expiry_job_marks_only_expired_invitations(
    app: Flask, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    monkeypatch.setattr(service, "_BATCH_SIZE", batch_size)
    run_expiry_job(app)
    assert [row.status for row in list_rows(app, Invitation)] == ["expired"] * 3 + ["pending"] * 2


def test_second_run_of_expiry_job_changes_nothing(app: Flask) -> None:
    run_expiry_job(app)
    before = list_rows(app, Invitation)
    run_expiry_job(app)
    assert list_rows(app, Invitation) == before


def test_listings_do_not_depend_on_expiry_job(app: Flask, ada: Api, path: str) -> None:
    before = [list_emails(ada, path, status) for status in ("expired", "pending")]
    run_expiry_job(app)
    after = [list_emails(ada, path, status) for status in ("expired", "pending")]
    assert before == after == [EXPIRED[::-1], PENDING[::-1]]


def test_no_items_are_skipped_or_repeated_if_expiry_job_runs_between_two_pages(app: Flask, ada: Api, path: str) -> None:
    first = success(ada.get(f"{path}?status=expired&limit=1"))
    run_expiry_job(app)
    second = success(ada.get(f"{path}?status=expired&limit=2&cursor={first['next_cursor']}"))
    assert [item["email"] for item in first["items"] + second["items"]] == EXPIRED[::-1]


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_expired_invitations_are_purged_after_a_month(
    app: Flask, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    monkeypatch.setattr(service, "_BATCH_SIZE", batch_size)
    run_expiry_job(app)
    age_invitations(app, EXPIRED[:2], timedelta(days=30, minutes=1))
    age_invitations(app, EXPIRED[2:], timedelta(days=30, minutes=-1))
    age_invitations(app, PENDING[:1], timedelta(days=60))
    with app.app_context():
        service.purge_invitations()
    assert [row.email for row in list_rows(app, Invitation)] == [*EXPIRED[2:], *PENDING]


def age_invitations(app: Flask, emails: list[str], age: timedelta) -> None:
    """Let the invitations to these addresses have expired this long ago."""
    with app.app_context(), transaction() as connection:
        connection.execute(update(Invitation).where(Invitation.email.in_(emails)).values(expires_at=now() - age))
