"""The jobs of invitations."""

from uuid import UUID

from project.blueprints.invitations import jobs, service
from project.infrastructure.mail import MailRefused
from worker.jobs import job


def give_up(invitation_id: str) -> None:
    service.give_up_sending(UUID(invitation_id))


@job(jobs.SEND_INVITATION, on_dead=give_up, permanent=(MailRefused, ValueError))
def send_invitation(invitation_id: str) -> None:
    service.send_invitation(UUID(invitation_id))


@job(jobs.SWEEP)
def sweep() -> None:
    service.sweep()
