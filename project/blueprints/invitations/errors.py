"""What invitations refuse."""

from project.errors import Conflict, Forbidden, Gone


class InvitationPending(Conflict):
    """This address has a pending invitation to the organization; `invitation_id` names it."""

    code = "invitation-pending"
    title = "Invitation pending"
    remedy = "Wait for the answer."


class InvitationAlreadyAccepted(Conflict):
    """The invitation has been accepted."""

    code = "invitation-already-accepted"
    title = "Invitation already accepted"
    remedy = "Sign in: the organization is among yours."


class InvitationExpired(Gone):
    """The invitation was not answered in time."""

    code = "invitation-expired"
    title = "Invitation expired"
    remedy = "Ask for a new one."


class InvitationReplaced(Gone):
    """A newer mail was sent for this invitation, and only its link counts."""

    code = "invitation-replaced"
    title = "Invitation replaced"
    remedy = "Use the link in the newest mail."


class InvitationEmailMismatch(Forbidden):
    """The invitation was sent to another address than that of the account that is signed in."""

    code = "invitation-email-mismatch"
    title = "Invitation for another address"
    remedy = "Sign in with the account of the invited address, or register it."
