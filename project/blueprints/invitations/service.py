"""Inviting people to organizations, and accepting invitations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from project.blueprints.auth import service as auth
from project.blueprints.auth.errors import EmailTaken
from project.blueprints.invitations import policy, repository
from project.blueprints.invitations.errors import InvitationPending, InvitationReplaced
from project.blueprints.invitations.jobs import SEND_INVITATION
from project.blueprints.invitations.mail import invitation_message
from project.blueprints.invitations.models import Delivery, InvitationRow, Role, Status
from project.blueprints.organizations import service as organizations
from project.blueprints.organizations.errors import AlreadyAMember
from project.config import current_settings
from project.errors import NotFound
from project.infrastructure import audit, jobs, signing
from project.infrastructure.clock import now
from project.infrastructure.database import in_batches, transaction
from project.infrastructure.database.pagination import Page, PageRequest
from project.infrastructure.mail import current_mailer

_PURPOSE = "invitation"
_BATCH_SIZE = 1000


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as shown to its organization, with its effective status and its inviter."""

    id: UUID
    organization_id: UUID
    email: str
    role: Role
    status: Status
    invited_by: auth.UserRow
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    delivery: Delivery
    version: int


@dataclass(frozen=True, slots=True)
class Offer:
    """An invitation as shown to the holder of its token."""

    organization_name: str
    inviter_name: str
    email: str
    role: Role
    expires_at: datetime
    account_exists: bool


def invite(organization_id: UUID, *, inviter_id: UUID, inviter_role: str, email: str, role: Role) -> InvitationView:
    """Create a pending invitation, enqueue its email, and return the invitation.

    The caller must ensure that the inviter is at least an admin. Raises PermissionDenied if `inviter_role` does not
    permit invitations with `role`, AlreadyAMember, InvitationPending.
    """
    policy.ensure_may_invite(inviter_role, role)
    issued_at = now()
    key = auth.email_key(email)
    with transaction():
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
        # Not before the insert: until then, another transaction may accept an earlier invitation to this address.
        _ensure_not_a_member(organization_id, email)
        if invitation is None:
            raise InvitationPending(invitation_id=repository.find_pending_id(organization_id, key))
        jobs.enqueue(SEND_INVITATION, invitation_id=invitation.id)
        _record("invitations.create_invitation", invitation, actor_id=inviter_id)
    return _view(invitation, auth.get_user(inviter_id))


def list_invitations(organization_id: UUID, status: Status | None, page: PageRequest) -> Page[InvitationView]:
    """Return a page of the invitations of an organization, filtered by effective status if one is given."""
    invitations = repository.list_invitations(organization_id, status, page)
    inviters = auth.get_users_by_id(invitation.invited_by_id for invitation in invitations.items)
    return invitations.map(lambda invitation: _view(invitation, inviters[invitation.invited_by_id]))


def get_invitation(organization_id: UUID, invitation_id: UUID) -> InvitationView:
    """Return an invitation to an organization. Raises NotFound."""
    invitation = repository.get_of_organization(organization_id, invitation_id)
    return _view(invitation, auth.get_user(invitation.invited_by_id))


def look_up_invitation(token: str) -> Offer:
    """Return the offer for the pending invitation with this token.

    Raises NotFound, InvitationReplaced, InvitationExpired, InvitationAlreadyAccepted.
    """
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
    """Accept an invitation and return the new member. Only one attempt succeeds.

    The token proves that the user controls the invited address, so the address becomes verified.
    Raises InvitationEmailMismatch, AlreadyAMember, and the same errors as `look_up_invitation`.
    """
    invitation = _find_by_token(token)
    with transaction():
        user = auth.mark_verified(user_id)
        policy.ensure_addressed_to(invitation, user.email_key)
        return _join(invitation, user)


def register_invited(token: str, *, password: str, display_name: str) -> auth.UserRow:
    """Create an account for the invited address, accept the invitation, and return the user.

    The token proves who owns the address, so an unverified account with this address becomes theirs.
    Raises EmailTaken if a verified account has the address, AlreadyAMember, ValidationFailed if the password is too
    weak, and the same errors as `look_up_invitation`.
    """
    invitation = _find_by_token(token)
    user = auth.find_user_by_email(invitation.email)
    if user is not None and user.email_verified:
        raise EmailTaken
    with transaction():
        user = auth.register_verified(email=invitation.email, password=password, display_name=display_name)
        _join(invitation, user)
    return user


def send_invitation(invitation_id: UUID) -> None:
    """Send the email for a pending invitation, and record that it was sent.

    A repeated call sends the same bytes, so mail servers and clients can drop the duplicate.
    """
    invitation = repository.find_invitation(invitation_id)
    if invitation is None or policy.effective_status(invitation, now()) != "pending":
        return
    message = invitation_message(
        invitation,
        token=signing.issue(_PURPOSE, invitation.id, invitation.token_version),
        organization_name=organizations.get_name(invitation.organization_id),
        inviter_name=auth.get_user(invitation.invited_by_id).display_name,
    )
    current_mailer().send(message)
    with transaction():
        repository.set_delivery(invitation.id, invitation.token_version, "sent")


def mark_delivery_failed(invitation_id: UUID) -> None:
    """Record that the email could not be sent, so that the inviter can find out."""
    invitation = repository.find_invitation(invitation_id)
    if invitation is not None:
        with transaction():
            repository.set_delivery(invitation.id, invitation.token_version, "failed")


def expire_invitations() -> None:
    """Set overdue invitations to `expired`, in batches, because listings have to read every overdue row."""
    in_batches(repository.expire_batch, _BATCH_SIZE)


def purge_invitations() -> None:
    """Delete the invitations that expired INVITATION_RETENTION_SECONDS ago, with the addresses of people who did not
    join.
    """
    before = now() - timedelta(seconds=current_settings().invitation_retention_seconds)
    in_batches(lambda limit: repository.purge_expired(before, limit), _BATCH_SIZE)


def _find_by_token(token: str) -> InvitationRow:
    verified = signing.verify(_PURPOSE, token)
    invitation = verified and repository.find_invitation(verified[0])
    if verified is None or invitation is None:
        raise NotFound
    if invitation.token_version != verified[1]:
        raise InvitationReplaced
    return invitation


def _join(invitation: InvitationRow, user: auth.UserRow) -> organizations.Member:
    if not repository.accept(invitation.id, invitation.token_version):
        current = repository.find_invitation(invitation.id)
        raise NotFound if current is None else policy.closed_error(current, now())
    _record("invitations.accept_invitation", invitation, actor_id=user.id)
    return organizations.add_member(invitation.organization_id, user, invitation.role)


def _record(action: str, invitation: InvitationRow, *, actor_id: UUID) -> None:
    target = ("invitation", invitation.id)
    audit.record(action, actor_id=actor_id, target=target, organization_id=invitation.organization_id)


def _ensure_not_a_member(organization_id: UUID, email: str) -> None:
    user = auth.find_user_by_email(email)
    if user is not None and organizations.is_member(organization_id, user.id):
        raise AlreadyAMember


def _view(invitation: InvitationRow, inviter: auth.UserRow) -> InvitationView:
    return InvitationView(
        id=invitation.id,
        organization_id=invitation.organization_id,
        email=invitation.email,
        role=invitation.role,
        status=policy.effective_status(invitation, now()),
        invited_by=inviter,
        expires_at=invitation.expires_at,
        created_at=invitation.created_at,
        updated_at=invitation.updated_at,
        delivery=invitation.delivery,
        version=invitation.version,
    )
