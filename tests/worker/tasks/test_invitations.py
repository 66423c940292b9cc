"""The task that sends an invitation by email: repeated emails are identical, and the inviter can see failures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.invitations.models import Invitation
from project.blueprints.jobs.service import retry_job
from project.config import Settings
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.jobs import Job
from tests.kit.clients.api import Api, success
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import age_job, claim_last_attempt, get_job, list_jobs
from tests.kit.servers import services
from tests.kit.servers.services import Smtp

SEND_INVITATION = "invitations.send_invitation"
RunJob = Callable[[str], UUID]


class Inviter:
    """A user with an organization and one invitation."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.owner = api.as_new_user()
        self.organization_id = self.owner.organization()["id"]
        self.invitation = self.owner.invitation(self.organization_id, "grace@example.org")

    def delivery(self) -> str:
        path = f"/organizations/{self.organization_id}/invitations/{self.invitation['id']}"
        state: str = success(self.owner.get(path))["delivery"]
        return state


@pytest.fixture
def inviter(api: Api) -> Inviter:
    return Inviter(api)


@contextmanager
def mail_sent_through(server: Smtp, settings: Settings, **changes: Any) -> Iterator[None]:
    """Run the block in an application that sends its mail through `server`."""
    with separate_app_context(settings.model_copy(update={"mail_url": server.url, **changes})):
        yield


def mailbox(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (settings.data_dir / "mail").glob("*")}


def requeue(job_id: UUID) -> None:
    """Requeue a job, as if its worker had been killed after sending the email but before finishing the job."""
    with transaction() as connection:
        connection.execute(update(Job).where(Job.id == job_id).values(status="queued", finished_at=None))


def test_invitation_email_contains_link_with_token(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob
) -> None:
    with separate_app_context(settings):
        job_id = run_newest_job(SEND_INVITATION)
        assert get_job(job_id).status == "done"
        token = signing.issue("invitation", UUID(inviter.invitation["id"]), 1)
    [mail] = mailbox(settings).values()
    assert f"/invitation#token={token}".encode() in mail.replace(b"=\r\n", b"").replace(b"=3D", b"=")
    assert inviter.delivery() == "sent"


def test_sending_email_twice_leaves_one_unchanged_file_in_mailbox(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob
) -> None:
    with separate_app_context(settings):
        job_id = run_newest_job(SEND_INVITATION)
        first = mailbox(settings)
        requeue(job_id)
        run_newest_job(SEND_INVITATION)
        assert get_job(job_id).attempts == 2
    assert mailbox(settings) == first
    assert len(first) == 1


def test_both_copies_of_email_sent_twice_over_smtp_are_identical(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob, smtp_server: Smtp
) -> None:
    with mail_sent_through(smtp_server, settings):
        requeue(run_newest_job(SEND_INVITATION))
        run_newest_job(SEND_INVITATION)
    [copies] = smtp_server.by_message_id().values()
    assert len(copies) == 2
    assert copies[0] == copies[1]


@pytest.mark.parametrize(
    "end",
    [{"status": "accepted"}, {"status": "expired"}, {"expires_at": now()}],
    ids=["accepted", "marked-expired", "past-expiry-time"],
)
def test_invitation_that_is_no_longer_pending_is_not_sent(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob, end: dict[str, Any]
) -> None:
    with separate_app_context(settings):
        with transaction() as connection:
            connection.execute(update(Invitation).values(end))
        assert get_job(run_newest_job(SEND_INVITATION)).status == "done"
    assert mailbox(settings) == {}


def test_invitation_to_internationalized_domain_is_sent_by_server_without_smtputf8(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob
) -> None:
    inviter.invitation = inviter.owner.invitation(inviter.organization_id, "ada@b\u00fccher.example")
    with services.smtp(enable_SMTPUTF8=False) as server, mail_sent_through(server, settings):
        run_newest_job(SEND_INVITATION)
    assert (len(server.received), inviter.delivery()) == (1, "sent")


def test_job_is_marked_dead_immediately_if_address_is_rejected(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob, smtp_server: Smtp
) -> None:
    smtp_server.faults.rejected_recipients["grace@example.org"] = "550 no such user"
    with mail_sent_through(smtp_server, settings):
        row = get_job(run_newest_job(SEND_INVITATION))
    assert (row.status, row.attempts) == ("dead", 1)
    assert inviter.delivery() == "failed"


def test_greylisted_email_is_sent_later(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob, smtp_server: Smtp
) -> None:
    smtp_server.faults.greylisted = 1
    with mail_sent_through(smtp_server, settings):
        job_id = run_newest_job(SEND_INVITATION)
        assert (get_job(job_id).status, inviter.delivery()) == ("queued", "queued")
        age_job(job_id, 3600)
        assert get_job(run_newest_job(SEND_INVITATION)).status == "done"
    assert (len(smtp_server.received), inviter.delivery()) == (1, "sent")


def test_delivery_fails_if_mail_server_stays_unavailable(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob, smtp_server: Smtp
) -> None:
    smtp_server.stop()
    with mail_sent_through(smtp_server, settings, job_max_transient_attempts=2):
        for _ in range(2):
            assert inviter.delivery() == "queued"
            age_job(run_newest_job(SEND_INVITATION), 3600)
    assert inviter.delivery() == "failed"


def test_retrying_a_dead_job_sends_the_email(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob, smtp_server: Smtp
) -> None:
    smtp_server.faults.rejected_recipients["grace@example.org"] = "550 no such user"
    with mail_sent_through(smtp_server, settings):
        retry_job(run_newest_job(SEND_INVITATION))
        assert inviter.delivery() == "failed"
        smtp_server.faults.rejected_recipients.clear()
        assert get_job(run_newest_job(SEND_INVITATION)).status == "done"
    assert (len(smtp_server.received), inviter.delivery()) == (1, "sent")


def test_delivery_fails_if_worker_dies_in_every_attempt(
    inviter: Inviter, settings: Settings, run_newest_job: RunJob
) -> None:
    with separate_app_context(settings.model_copy(update={"job_max_attempts": 1})):
        job_id = list_jobs(SEND_INVITATION)[-1].id
        claim_last_attempt(job_id)
        age_job(job_id, 3600)
        assert get_job(run_newest_job(SEND_INVITATION)).status == "dead"
    assert (mailbox(settings), inviter.delivery()) == ({}, "failed")
