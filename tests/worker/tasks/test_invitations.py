"""The job that mails an invitation: once or twice the same mail, and its failures where the inviter looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.invitations.models import Invitation
from project.blueprints.jobs.service import retry
from project.config import Settings
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.jobs import Job
from tests.kit.clients.api import Api, created
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import age_job, claim_last_attempt, get_job, list_jobs
from tests.kit.servers.services import Smtp

SEND = "invitations.send_invitation"
Do = Callable[[str], UUID]


class Inviter:
    """Someone with an organization and one invitation."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.owner = api.signed_in()
        self.organization_id = self.owner.organization()["id"]
        self.invitation = self.owner.invitation(self.organization_id, "grace@example.org")

    def delivery(self) -> str:
        path = f"/organizations/{self.organization_id}/invitations/{self.invitation['id']}"
        state: str = created(self.owner.get(path))["delivery"]
        return state


@pytest.fixture
def inviter(api: Api) -> Inviter:
    return Inviter(api)


@contextmanager
def mailing_by(server: Smtp, settings: Settings, **more: Any) -> Iterator[None]:
    """An application at work whose mail goes to `server`."""
    with at_work(settings.model_copy(update={"mail_url": server.url, **more})):
        yield


def mailbox(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (settings.data_dir / "mail").glob("*")}


def again(job_id: UUID) -> None:
    """As when its worker was killed after the mail was sent, and before that was written down."""
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(status="queued", finished_at=None))


def test_an_invitation_is_mailed_with_its_token(inviter: Inviter, settings: Settings, do: Do) -> None:
    with at_work(settings):
        job_id = do(SEND)
        assert get_job(job_id).status == "done"
        token = signing.issue("invitation", UUID(inviter.invitation["id"]), 1)
    [mail] = mailbox(settings).values()
    assert f"/invitation#token={token}".encode() in mail.replace(b"=\r\n", b"").replace(b"=3D", b"=")
    assert inviter.delivery() == "sent"


def test_a_mail_sent_twice_is_one_file_of_the_same_bytes(inviter: Inviter, settings: Settings, do: Do) -> None:
    with at_work(settings):
        job_id = do(SEND)
        first = mailbox(settings)
        again(job_id)
        do(SEND)
        assert get_job(job_id).attempts == 2
    assert mailbox(settings) == first
    assert len(first) == 1


def test_a_mail_sent_twice_by_smtp_is_the_same_to_the_last_byte(
    inviter: Inviter, settings: Settings, do: Do, smtp_server: Smtp
) -> None:
    with mailing_by(smtp_server, settings):
        again(do(SEND))
        do(SEND)
    [twins] = smtp_server.by_message_id().values()
    assert len(twins) == 2
    assert twins[0] == twins[1]


@pytest.mark.parametrize(
    "end",
    [{"status": "accepted"}, {"status": "expired"}, {"expires_at": now()}],
    ids=["accepted", "expired", "over"],
)
def test_an_invitation_that_has_ended_sends_nothing(
    inviter: Inviter, settings: Settings, do: Do, end: dict[str, Any]
) -> None:
    with at_work(settings):
        with transaction() as session:
            session.execute(update(Invitation).values(end))
        assert get_job(do(SEND)).status == "done"
    assert mailbox(settings) == {}


def test_a_refused_address_is_given_up_at_once(inviter: Inviter, settings: Settings, do: Do, smtp_server: Smtp) -> None:
    smtp_server.faults.refused["grace@example.org"] = "550 no such user"
    with mailing_by(smtp_server, settings):
        row = get_job(do(SEND))
    assert (row.status, row.attempts) == ("dead", 1)
    assert inviter.delivery() == "failed"


def test_a_server_that_puts_off_gets_the_mail_later(
    inviter: Inviter, settings: Settings, do: Do, smtp_server: Smtp
) -> None:
    smtp_server.faults.greylisted = 1
    with mailing_by(smtp_server, settings):
        job_id = do(SEND)
        assert (get_job(job_id).status, inviter.delivery()) == ("queued", "queued")
        age_job(job_id, 3600)
        assert get_job(do(SEND)).status == "done"
    assert (len(smtp_server.taken), inviter.delivery()) == (1, "sent")


def test_a_server_that_stays_away_is_given_up_in_the_end(
    inviter: Inviter, settings: Settings, do: Do, smtp_server: Smtp
) -> None:
    smtp_server.stop()
    with mailing_by(smtp_server, settings, job_max_transient_attempts=2):
        for _ in range(2):
            assert inviter.delivery() == "queued"
            age_job(do(SEND), 3600)
    assert inviter.delivery() == "failed"


def test_a_mail_that_was_given_up_is_sent_when_its_job_is_tried_again(
    inviter: Inviter, settings: Settings, do: Do, smtp_server: Smtp
) -> None:
    smtp_server.faults.refused["grace@example.org"] = "550 no such user"
    with mailing_by(smtp_server, settings):
        retry(do(SEND))
        assert inviter.delivery() == "failed"
        smtp_server.faults.refused.clear()
        assert get_job(do(SEND)).status == "done"
    assert (len(smtp_server.taken), inviter.delivery()) == (1, "sent")


def test_a_mail_that_ended_its_worker_each_time_is_given_up(inviter: Inviter, settings: Settings, do: Do) -> None:
    with at_work(settings.model_copy(update={"job_max_attempts": 1})):
        job_id = list_jobs(SEND)[-1].id
        claim_last_attempt(job_id)
        age_job(job_id, 3600)
        assert get_job(do(SEND)).status == "dead"
    assert (mailbox(settings), inviter.delivery()) == ({}, "failed")
