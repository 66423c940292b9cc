"""Names of the invitations blueprint's background jobs, and the intervals of the periodic ones."""

from datetime import timedelta

SEND_INVITATION = "invitations.send_invitation"
EXPIRE_INVITATIONS = "invitations.expire"
PURGE_INVITATIONS = "invitations.purge"

PERIODIC = {EXPIRE_INVITATIONS: timedelta(minutes=1), PURGE_INVITATIONS: timedelta(hours=1)}
