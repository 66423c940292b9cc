"""Who may invite whom, who may answer, and why an invitation no longer counts."""

from datetime import datetime
from typing import Any

from project.blueprints.invitations.errors import (
    InvitationAlreadyAccepted,
    InvitationEmailMismatch,
    InvitationExpired,
)
from project.errors import Error, NotFound, PermissionDenied


def ensure_may_invite(held: str, role: str) -> None:
    """Only owners invite owners. Raises PermissionDenied."""
    if role == "owner" and held != "owner":
        raise PermissionDenied("Only owners may invite owners.")


def ensure_addressed_to(invitation: Any, email_key: str) -> None:
    """Raises InvitationEmailMismatch."""
    if invitation.email_key != email_key:
        raise InvitationEmailMismatch


def effective_status(invitation: Any, at: datetime) -> str:
    """The status, an invitation past its time being `expired` whether or not its row says so."""
    lapsed = invitation.status == "pending" and invitation.expires_at <= at
    status: str = "expired" if lapsed else invitation.status
    return status


def closed_error(invitation: Any, at: datetime) -> Error:
    """Why an invitation cannot be accepted (any more)."""
    reasons: dict[str, type[Error]] = {"accepted": InvitationAlreadyAccepted, "expired": InvitationExpired}
    return reasons.get(effective_status(invitation, at), NotFound)()
