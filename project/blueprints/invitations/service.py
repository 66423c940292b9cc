"""Inviting someone, and what the holder of an invitation may do with it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from project.blueprints.auth import service as auth
from project.blueprints.auth.errors import EmailTaken
from project.blueprints.invitations import policy, repository
from project.blueprints.invitations.errors import InvitationPending, InvitationReplaced
from project.blueprints.invitations.jobs import SEND_INVITATION
from project.blueprints.invitations.mail import invitation_message
from project.blueprints.organizations import service as organizations
from project.blueprints.organizations.errors import AlreadyAMember
from project.config import current_settings
from project.errors import NotFound
from project.infrastructure import jobs, signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest
from project.infrastructure.mail import current_mailer

_PURPOSE = "invitation"
_BATCH = 1000


@dataclass(frozen=True)
class Offer:
    """What an invitation says to its holder."""

    organization_name: str
    inviter_name: str
    email: str
    role: str
    expires_at: datetime
    account_exists: bool


def invite(organization_id: UUID, *, inviter_id: UUID, email: str, role: str) -> dict[str, Any]:
    """Invite `email` once; the mail follows by itself if this commits.

    Raises PermissionDenied, AlreadyAMember, InvitationPending.
    """
    issued_at = now()
    key = auth.email_key(email)
    with transaction():
        held = organizations.ensure_member(organization_id, inviter_id, role="admin")
        policy.ensure_may_invite(held, role)
        _ensure_not_a_member(organization_id, email)
        repository.expire_overdue(organization_id, key)
        invitation = repository.add_pending(
            organization_id=organization_id,
            email=email,
            email_key=key,
            role=role,
            invited_by_id=inviter_id,
            issued_at=issued_at,
            expires_at=issued_at + timedelta(seconds=current_settings().invitation_ttl_seconds),
        )
        if invitation is None:
            raise InvitationPending(invitation_id=repository.find_pending_id(organization_id, key))
        jobs.enqueue(SEND_INVITATION, invitation_id=invitation.id)
    return _views([invitation])[0]


def list_invitations(organization_id: UUID, status: str | None, page: PageRequest) -> Page:
    """The invitations of an organization."""
    slice_ = repository.list_invitations(organization_id, status, page)
    return replace(slice_, items=_views(slice_.items))


def get_invitation(organization_id: UUID, invitation_id: UUID) -> dict[str, Any]:
    """One of them. Raises NotFound."""
    return _views([repository.get_of_organization(organization_id, invitation_id)])[0]


def look_up_invitation(token: str) -> Offer:
    """What the token invites to. Raises what says that it no longer does."""
    invitation = _find_by_token(token)
    if policy.effective_status(invitation, now()) != "pending":
        raise policy.closed_error(invitation, now())
    return Offer(
        organization_name=organizations.get_name(invitation.organization_id),
        inviter_name=auth.get_user(invitation.invited_by_id).display_name,
        email=invitation.email,
        role=invitation.role,
        expires_at=invitation.expires_at,
        account_exists=auth.find_user_by_email(invitation.email) is not None,
    )


def accept_invitation(token: str, *, user_id: UUID) -> organizations.Member:
    """Join, exactly once. The token proves the address, which becomes verified.

    Raises InvitationReplaced, InvitationEmailMismatch, what ended the invitation, and AlreadyAMember.
    """
    invitation = _find_by_token(token)
    user = auth.get_user(user_id)
    policy.ensure_addressed_to(invitation, user.email_key)
    with transaction():
        member = _join(invitation, user)
        auth.mark_verified(user_id)
    return member


def register_invited(token: str, *, password: str, display_name: str) -> Any:
    """Make the account of the invited address and join, in one. Raises EmailTaken, and as `accept` does."""
    invitation = _find_by_token(token)
    if auth.find_user_by_email(invitation.email) is not None:
        raise EmailTaken
    with transaction():
        user = auth.register(email=invitation.email, password=password, display_name=display_name, email_verified=True)
        _join(invitation, user)
    return user


def send_invitation(invitation_id: UUID) -> None:
    """Send the mail; sent twice, it is the same mail. An invitation that has ended needs none."""
    invitation = repository.find_invitation(invitation_id)
    if invitation is None or policy.effective_status(invitation, now()) != "pending":
        return
    message = invitation_message(
        invitation,
        token=signing.issue(_PURPOSE, invitation.id, invitation.token_version),
        organization_name=organizations.get_name(invitation.organization_id),
        inviter_name=auth.get_user(invitation.invited_by_id).display_name,
        frontend_url=current_settings().frontend_url,
    )
    current_mailer().send(message)
    with transaction():
        repository.set_delivery(invitation.id, invitation.token_version, "sent")


def mark_delivery_failed(invitation_id: UUID) -> None:
    """The mail could not be sent, finally: say so where the inviter looks."""
    invitation = repository.find_invitation(invitation_id)
    if invitation is not None:
        with transaction():
            repository.set_delivery(invitation.id, invitation.token_version, "failed")


def expire_invitations() -> None:
    """Write down what has expired: its listing, and that of what is pending, cost what is not yet written down."""
    expired = _BATCH
    while expired == _BATCH:
        with transaction():
            expired = repository.expire_batch(_BATCH)


def _find_by_token(token: str) -> Any:
    presented = signing.verify(_PURPOSE, token)
    invitation = presented and repository.find_invitation(presented[0])
    if presented is None or invitation is None:
        raise NotFound
    if invitation.token_version != presented[1]:
        raise InvitationReplaced
    return invitation


def _join(invitation: Any, user: Any) -> organizations.Member:
    if not repository.accept(invitation.id, invitation.token_version):
        raise policy.closed_error(repository.find_invitation(invitation.id), now())
    return organizations.add_member(invitation.organization_id, user, invitation.role)


def _ensure_not_a_member(organization_id: UUID, email: str) -> None:
    user = auth.find_user_by_email(email)
    if user is not None and organizations.is_member(organization_id, user.id):
        raise AlreadyAMember


def _views(invitations: Any) -> list[dict[str, Any]]:
    inviters = auth.get_users_by_id(invitation.invited_by_id for invitation in invitations)
    return [_view(invitation, inviters[invitation.invited_by_id]) for invitation in invitations]


def _view(invitation: Any, inviter: Any) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "organization_id": invitation.organization_id,
        "email": invitation.email,
        "role": invitation.role,
        "status": policy.effective_status(invitation, now()),
        "invited_by": inviter,
        "expires_at": invitation.expires_at,
        "created_at": invitation.created_at,
        "updated_at": invitation.updated_at,
        "delivery": invitation.delivery,
        "version": invitation.version,
    }
