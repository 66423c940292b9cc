"""Queries on the `invitations` table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, literal, select, true, update

from project.blueprints.invitations.models import Delivery, Invitation, InvitationRow, Role, Status
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.database import (
    columns_of,
    current_connection,
    delete_batch,
    fetch_one,
    insert_if_absent,
    lock_batch,
    map_row,
    read,
)
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page, select_page_with

_INVITATION = columns_of(InvitationRow, Invitation)
_INVITATIONS = select(*_INVITATION)
_FIND_INVITATION = _INVITATIONS.where(Invitation.id == bindparam("invitation_id"))
_FIND_OF_ORGANIZATION = _FIND_INVITATION.where(Invitation.organization_id == bindparam("organization_id"))


def add_pending(
    *,
    organization_id: UUID,
    email: str,
    email_key: str,
    role: Role,
    invited_by_id: UUID,
    issued_at: datetime,
    expires_at: datetime,
) -> InvitationRow | None:
    """Insert a pending invitation and return it, or `None` if one for this email address already exists."""
    values = {
        "id": new_id(),
        "organization_id": organization_id,
        "email": email,
        "email_key": email_key,
        "role": role,
        "invited_by_id": invited_by_id,
        "issued_at": issued_at,
        "expires_at": expires_at,
    }
    return map_row(insert_if_absent(Invitation, values, returning=_INVITATION), InvitationRow)


def expire_overdue(organization_id: UUID, email_key: str) -> None:
    """Set the overdue invitations for an email address to `expired`, so that they do not block a new invitation."""
    overdue = update(Invitation).where(
        Invitation.organization_id == organization_id, Invitation.email_key == email_key, _is_overdue(now())
    )
    current_connection().execute(overdue.values(status="expired"))


def expire_batch(limit: int) -> int:
    """Set up to `limit` overdue invitations to `expired`. Returns the number of rows updated."""
    batch = select(Invitation.id).where(_is_overdue(now())).limit(limit)
    expired = update(Invitation).where(Invitation.id.in_(lock_batch(batch))).values(status="expired")
    return len(current_connection().execute(expired.returning(Invitation.id)).all())


def purge_expired(before: datetime, limit: int) -> int:
    """Delete up to `limit` invitations that expired before this time. Returns their number."""
    expired = select(Invitation.id).where(Invitation.status == "expired", Invitation.expires_at < before)
    return delete_batch(Invitation, expired.order_by(Invitation.id).limit(limit))


def find_pending_id(organization_id: UUID, email_key: str) -> UUID | None:
    """Return the id of the pending invitation for an email address, or `None`."""
    statement = select(Invitation.id).where(
        Invitation.organization_id == organization_id,
        Invitation.email_key == email_key,
        Invitation.status == "pending",
    )
    with read() as connection:
        invitation_id: UUID | None = connection.scalar(statement)
    return invitation_id


def find_invitation(invitation_id: UUID) -> InvitationRow | None:
    """Return an invitation, or `None`."""
    return fetch_one(_FIND_INVITATION, {"invitation_id": invitation_id}, InvitationRow)


def get_of_organization(organization_id: UUID, invitation_id: UUID) -> InvitationRow:
    """Return an invitation to an organization. Raises NotFound."""
    values = {"organization_id": organization_id, "invitation_id": invitation_id}
    invitation = fetch_one(_FIND_OF_ORGANIZATION, values, InvitationRow)
    if invitation is None:
        raise NotFound
    return invitation


def list_invitations(organization_id: UUID, status: Status | None, page: PageRequest) -> Page[InvitationRow]:
    """Return a page of the invitations of an organization, filtered by effective status if one is given."""
    within: dict[Any, Any] = {Invitation.organization_id: organization_id}
    if status is not None:
        within[Invitation.status] = status
    if status == "expired":
        overdue = _INVITATIONS.where(Invitation.organization_id == organization_id, _is_overdue(now()))
        return select_page_with(overdue, _INVITATIONS, Invitation.id, page, within, InvitationRow)
    in_time = Invitation.expires_at > now() if status == "pending" else true()
    return select_page(_INVITATIONS.where(in_time), Invitation.id, page, within, InvitationRow)


def accept(invitation_id: UUID, token_version: int) -> bool:
    """Set a pending invitation to `accepted`. Returns False if it is not pending or the token is outdated."""
    accepted = (
        update(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.token_version == token_version,
            Invitation.status == "pending",
            Invitation.expires_at > now(),
        )
        .values(status="accepted")
        .returning(Invitation.id)
    )
    return current_connection().execute(accepted).first() is not None


def set_delivery(invitation_id: UUID, token_version: int, delivery: Delivery) -> None:
    """Set the delivery status of the email with this token version. Does not change `version` or `updated_at`."""
    statement = update(Invitation).where(Invitation.id == invitation_id, Invitation.token_version == token_version)
    current_connection().execute(statement.values(delivery=delivery, **Invitation.unchanged()))


def _is_overdue(at: datetime) -> ColumnElement[bool]:
    # The status is rendered as a literal: with a bind parameter, a generic plan could not use the partial index on
    # pending invitations.
    return and_(Invitation.status == literal("pending", literal_execute=True), Invitation.expires_at <= at)
