"""Names of the background jobs of invitations."""

SEND_INVITATION = "invitations.send_invitation"
EXPIRE_INVITATIONS = "invitations.expire"
