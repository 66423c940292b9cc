"""The mail of an invitation: where it leads, that it is always the same, and when there is none."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from project.blueprints.invitations import service
from project.blueprints.invitations.models import Invitation
from project.config import current_settings
from project.infrastructure.mail import read_mailbox
from tests.blueprints.invitations.invitation_rows import lapse, rows
from tests.kit.clients.api import Api, created

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GUEST = "guest@example.com"


def sent(app: Flask) -> list[Any]:
    """What lies in the mailbox after each invitation's job has run."""
    with app.app_context():
        for row in rows(app, Invitation):
            service.send_invitation(row.id)
        return list(read_mailbox(current_settings().data_dir / "mail", limit=10))


@ON_SQLITE
def test_mail_leads_to_the_invitation(app: Flask, ada: Api, organization_id: str, token_of: Callable[..., str]) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    (message,) = sent(app)
    assert message.subject == "Ada invites you to Analytical Engines"
    link = f"http://localhost:8000/invitation#token={token_of(invitation['id'])}"
    assert link in message.text.split()


@ON_SQLITE
def test_mail_is_noted_as_sent(app: Flask, ada: Api, organization_id: str, path: str) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    sent(app)
    assert created(ada.get(f"{path}/{invitation['id']}"))["delivery"] == "sent"


@ON_SQLITE
def test_mail_sent_twice_is_the_same_mail(app: Flask, ada: Api, organization_id: str) -> None:
    ada.invitation(organization_id, GUEST)
    first, second = sent(app)[0], sent(app)[0]
    assert (first.message_id, first.text, first.date) == (second.message_id, second.text, second.date)


@ON_SQLITE
def test_invitation_that_has_ended_is_not_mailed(app: Flask, ada: Api, organization_id: str) -> None:
    ada.invitation(organization_id, GUEST)
    lapse(app)
    assert sent(app) == []


@ON_SQLITE
def test_mail_that_was_given_up_is_noted(app: Flask, ada: Api, organization_id: str, path: str) -> None:
    invitation = ada.invitation(organization_id, GUEST)
    with app.app_context():
        service.mark_delivery_failed(rows(app, Invitation)[0].id)
    assert created(ada.get(f"{path}/{invitation['id']}"))["delivery"] == "failed"


@ON_SQLITE
def test_markup_in_a_name_stays_text_in_the_mail(app: Flask, ada: Api) -> None:
    ada.invitation(ada.organization("<a href='//evil'>x</a>")["id"], GUEST)
    (message,) = sent(app)
    assert not message.html
