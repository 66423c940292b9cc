"""Names of the invitations blueprint's background jobs, and the intervals of the periodic ones."""

from datetime import timedelta

SEND_INVITATION = "invitations.send_invitation"
EXPIRE_INVITATIONS = "invitations.expire"

PERIODIC = {EXPIRE_INVITATIONS: timedelta(minutes=1)}
