"""The jobs of invitations."""

from uuid import UUID

from project.blueprints.invitations import service
from project.blueprints.invitations.jobs import SEND_INVITATION, SWEEP
from project.infrastructure.mail import MailRefused
from worker.runner import job


def give_up(invitation_id: str) -> None:
    service.give_up_sending(UUID(invitation_id))


@job(SEND_INVITATION, on_dead=give_up, permanent=(MailRefused, ValueError))
def send_invitation(invitation_id: str) -> None:
    service.send_invitation(UUID(invitation_id))


@job(SWEEP)
def sweep() -> None:
    service.sweep()
