"""The invitation email."""

from project.blueprints.invitations.models import InvitationRow
from project.infrastructure.mail import Message
from project.infrastructure.mail.layout import compose_message, format_time, page_link


def invitation_message(invitation: InvitationRow, *, token: str, organization_name: str, inviter_name: str) -> Message:
    """Return the email for an invitation. The same invitation and token yield the same bytes."""
    article = "an" if invitation.role[0] in "aeiou" else "a"
    return compose_message(
        f"invitation.{invitation.id}.{invitation.token_version}",
        to=invitation.email,
        subject=f"{inviter_name} invited you to join {organization_name}",
        body=[
            f"{inviter_name} invited you to join {organization_name} as {article} {invitation.role}.",
            page_link("Accept the invitation", "invitation", token=token),
            f"The invitation expires on {format_time(invitation.expires_at)}.",
        ],
        closing="If you were not expecting this invitation, you can ignore this email.",
        date=invitation.issued_at,
    )
