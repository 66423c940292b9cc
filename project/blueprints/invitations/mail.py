"""The mail that carries an invitation: the same bytes each time it is made."""

from typing import Any

from project.infrastructure.mail import Message


def invitation_message(
    invitation: Any, *, token: str, organization_name: str, inviter_name: str, frontend_url: str
) -> Message:
    """The mail to the invited address; the link carries the token where no server's log sees it."""
    host = frontend_url.split("//", 1)[-1].split("/", 1)[0].split(":", 1)[0]
    return Message(
        message_id=f"<invitation.{invitation.id}.{invitation.token_version}@{host}>",
        to=invitation.email,
        subject=f"{inviter_name} invites you to {organization_name}",
        text=(
            f"{inviter_name} invites you to join {organization_name} as {invitation.role}.\n\n"
            f"Join here:\n{frontend_url}/invitation#token={token}\n\n"
            f"The invitation is good until {invitation.expires_at:%d %B %Y, %H:%M} UTC.\n"
            "If you do not know what this is about, you can ignore it.\n"
        ),
        date=invitation.issued_at,
    )
