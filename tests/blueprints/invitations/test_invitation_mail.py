"""Invitation emails: links, repeated jobs, delivery status, and expired invitations."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from project.blueprints.invitations import service
from project.blueprints.invitations.models import Invitation
from project.config import current_settings
from project.infrastructure.mail import read_mailbox
from tests.blueprints.invitations.invitation_rows import expire_all, list_rows
from tests.kit.clients.api import Api, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GUEST = "guest@example.com"


def send_all(app: Flask) -> list[Any]:
    """Run the email job for every invitation and return the messages in the mailbox."""
    with app.app_context():
        for row in list_rows(app, Invitation):
            service.send_invitation(row.id)
        return list(read_mailbox(current_settings().data_dir / "mail", limit=10))


@ON_SQLITE
def test_email_links_to_the_invitation(
    app: Flask, ada: Api, organization_id: str, token_of: Callable[..., str]
) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    (message,) = send_all(app)
    assert message.subject == "Ada invited you to join Analytical Engines"
    link = f"http://localhost:8000/invitation#token={token_of(invitation['id'])}"
    assert link in message.text.split()


@ON_SQLITE
def test_sending_email_sets_delivery_status_to_sent(app: Flask, ada: Api, organization_id: str, path: str) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    send_all(app)
    assert success(ada.get(f"{path}/{invitation['id']}"))["delivery"] == "sent"


@ON_SQLITE
def test_repeated_email_job_produces_the_same_email(app: Flask, ada: Api, organization_id: str) -> None:
    ada.invitation(organization_id, GUEST)
    first, second = send_all(app)[0], send_all(app)[0]
    assert (first.message_id, first.text, first.date) == (second.message_id, second.text, second.date)


@ON_SQLITE
def test_expired_invitation_is_not_emailed(app: Flask, ada: Api, organization_id: str) -> None:
    ada.invitation(organization_id, GUEST)
    expire_all(app)
    assert send_all(app) == []


@ON_SQLITE
def test_delivery_status_is_set_to_failed_after_last_attempt(
    app: Flask, ada: Api, organization_id: str, path: str
) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    with app.app_context():
        service.mark_delivery_failed(list_rows(app, Invitation)[0].id)
    assert success(ada.get(f"{path}/{invitation['id']}"))["delivery"] == "failed"


@ON_SQLITE
def test_markup_in_organization_name_is_escaped_in_html(app: Flask, ada: Api) -> None:
    ada.invitation(ada.organization("<a href='//evil'>x</a>")["id"], GUEST)
    (message,) = send_all(app)
    assert "<a href='//evil'>x</a>" in message.text
    assert "<a href='//evil'>" not in message.html
    assert "&lt;a href=&#39;//evil&#39;&gt;x&lt;/a&gt;" in message.html
