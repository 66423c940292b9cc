"""Named queries on invitations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, or_, select, update

from project.blueprints.invitations.models import Invitation
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.columns import new_id
from project.infrastructure.database import current_session, insert_if_absent, read
from project.infrastructure.keyset import Page, Slice, keyset

_OF_ORGANIZATION = select(Invitation.__table__).where(Invitation.organization_id == bindparam("organization_id"))
_ONE = select(Invitation.__table__).where(Invitation.id == bindparam("invitation_id"))


def add_pending(**values: Any) -> Invitation | None:
    """A new invitation; None when one to that address is pending."""
    return insert_if_absent(Invitation, {"id": new_id(), **values})


def expire_lapsed(organization_id: UUID, email_key: str) -> None:
    """Write down that earlier invitations of an address have expired, so that they are in nobody's way."""
    lapsed = update(Invitation).where(
        Invitation.organization_id == organization_id,
        Invitation.email_key == email_key,
        Invitation.status == "pending",
        Invitation.expires_at <= now(),
    )
    current_session().execute(lapsed.values(status="expired"))


def find_pending_id(organization_id: UUID, email_key: str) -> UUID | None:
    """The id of the pending invitation of an address."""
    statement = select(Invitation.id).where(
        Invitation.organization_id == organization_id,
        Invitation.email_key == email_key,
        Invitation.status == "pending",
    )
    with read() as connection:
        invitation_id: UUID | None = connection.scalar(statement)
    return invitation_id


def find_invitation(invitation_id: UUID) -> Row[Any] | None:
    """One invitation."""
    with read() as connection:
        return connection.execute(_ONE, {"invitation_id": invitation_id}).one_or_none()


def get_of_organization(organization_id: UUID, invitation_id: UUID) -> Row[Any]:
    """One invitation of an organization. Raises NotFound."""
    statement = _OF_ORGANIZATION.where(Invitation.id == invitation_id)
    with read() as connection:
        invitation = connection.execute(statement, {"organization_id": organization_id}).one_or_none()
    if invitation is None:
        raise NotFound
    return invitation


def list_invitations(organization_id: UUID, status: str | None, page: Page) -> Slice:
    """The invitations of an organization, by their effective status."""
    statement = _OF_ORGANIZATION if status is None else _OF_ORGANIZATION.where(_effectively(status, now()))
    return keyset(statement, Invitation.id, page, organization_id=organization_id)


def accept(invitation_id: UUID, token_version: int) -> bool:
    """Turn a pending invitation into an accepted one, once; False when it is no longer to be had."""
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
    return current_session().execute(accepted).first() is not None


def set_delivery(invitation_id: UUID, token_version: int, delivery: str) -> None:
    """How far the mail with this version of the token has come."""
    statement = update(Invitation).where(Invitation.id == invitation_id, Invitation.token_version == token_version)
    current_session().execute(statement.values(delivery=delivery, version=Invitation.version))


def _effectively(status: str, at: datetime) -> Any:
    lapsed = and_(Invitation.status == "pending", Invitation.expires_at <= at)
    if status == "expired":
        return or_(Invitation.status == "expired", lapsed)
    return and_(Invitation.status == status, ~lapsed)
