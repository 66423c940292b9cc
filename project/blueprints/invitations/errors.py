"""Errors raised by the invitations blueprint."""

from project.errors import Conflict, Forbidden, Gone


class InvitationPending(Conflict):
    """This email address already has a pending invitation to the organization. `invitation_id` identifies it."""

    code = "invitation-pending"
    title = "Invitation pending"
    remedy = "Wait until the invitation is accepted or expires."


class InvitationAlreadyAccepted(Conflict):
    """The invitation has already been accepted."""

    code = "invitation-already-accepted"
    title = "Invitation already accepted"
    remedy = "Log in with the account that accepted the invitation. You can then access the organization."


class InvitationExpired(Gone):
    """The invitation has expired."""

    code = "invitation-expired"
    title = "Invitation expired"
    remedy = "Ask for a new invitation."


class InvitationReplaced(Gone):
    """A newer email was sent for this invitation. Only the link in that email is valid."""

    code = "invitation-replaced"
    title = "Invitation replaced"
    remedy = "Use the link in the latest email."


class InvitationEmailMismatch(Forbidden):
    """Your account's email address is not the one that the invitation was sent to."""

    code = "invitation-email-mismatch"
    title = "Invitation for another email address"
    remedy = "Log in with the account that uses the invited email address, or register with that address."
