"""Names of the invitations blueprint's background jobs."""

SEND_INVITATION = "invitations.send_invitation"
EXPIRE_INVITATIONS = "invitations.expire"
