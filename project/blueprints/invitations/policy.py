"""Who may invite whom, who may accept an invitation, and when an invitation expires."""

from datetime import datetime

from project.blueprints.invitations.errors import (
    InvitationAlreadyAccepted,
    InvitationEmailMismatch,
    InvitationExpired,
)
from project.blueprints.invitations.models import InvitationRow, Status
from project.errors import Error, NotFound, PermissionDenied


def ensure_may_invite(held: str, role: str) -> None:
    """Raise PermissionDenied if a non-owner invites an owner."""
    if role == "owner" and held != "owner":
        raise PermissionDenied("Only owners may invite owners.")


def ensure_addressed_to(invitation: InvitationRow, email_key: str) -> None:
    """Raise InvitationEmailMismatch unless the invitation was sent to this address."""
    if invitation.email_key != email_key:
        raise InvitationEmailMismatch


def effective_status(invitation: InvitationRow, at: datetime) -> Status:
    """Return the status, which is `expired` for a pending invitation past `expires_at`, even if its row is outdated."""
    is_overdue = invitation.status == "pending" and invitation.expires_at <= at
    return "expired" if is_overdue else invitation.status


def closed_error(invitation: InvitationRow, at: datetime) -> Error:
    """Return the error that explains why an invitation cannot be accepted."""
    errors: dict[Status, type[Error]] = {"accepted": InvitationAlreadyAccepted, "expired": InvitationExpired}
    return errors.get(effective_status(invitation, at), NotFound)()
