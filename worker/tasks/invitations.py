"""The tasks of the invitations blueprint."""

from uuid import UUID

from project.blueprints.invitations import service
from project.blueprints.invitations.jobs import EXPIRE_INVITATIONS, PURGE_INVITATIONS, SEND_INVITATION
from project.infrastructure.mail import MailRejected
from worker.runner import job


def mark_delivery_failed(invitation_id: str) -> None:
    service.mark_delivery_failed(UUID(invitation_id))


@job(SEND_INVITATION, on_dead=mark_delivery_failed, permanent=(MailRejected, ValueError))
def send_invitation(invitation_id: str) -> None:
    service.send_invitation(UUID(invitation_id))


@job(EXPIRE_INVITATIONS)
def expire_invitations() -> None:
    service.expire_invitations()


@job(PURGE_INVITATIONS)
def purge_invitations() -> None:
    service.purge_invitations()
