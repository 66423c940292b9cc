"""The invitation email."""

from project.blueprints.invitations.models import InvitationRow
from project.infrastructure.mail import Message


def invitation_message(
    invitation: InvitationRow, *, token: str, organization_name: str, inviter_name: str, frontend_url: str
) -> Message:
    """Return the email for an invitation. The same invitation and token yield the same bytes.

    The link carries the token in its fragment, which browsers do not send, so that no server logs it.
    """
    at = invitation.expires_at
    article = "an" if invitation.role[0] in "aeiou" else "a"
    host = frontend_url.split("//", 1)[-1].split("/", 1)[0].split(":", 1)[0]
    return Message(
        message_id=f"<invitation.{invitation.id}.{invitation.token_version}@{host}>",
        to=invitation.email,
        subject=f"{inviter_name} invited you to join {organization_name}",
        text=(
            f"{inviter_name} invited you to join {organization_name} as {article} {invitation.role}.\n\n"
            f"To accept the invitation, open this link:\n{frontend_url}/invitation#token={token}\n\n"
            f"The invitation expires on {at:%B} {at.day}, {at:%Y at %H:%M} UTC.\n\n"
            "If you were not expecting this invitation, you can ignore this email.\n"
        ),
        date=invitation.issued_at,
    )
