"""Named queries on invitations."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, bindparam, literal, select, true, update

from project.blueprints.invitations.models import Invitation
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.database import current_session, insert_if_absent, read
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page, select_page_with

_INVITATIONS = select(Invitation.__table__)
_ONE = _INVITATIONS.where(Invitation.id == bindparam("invitation_id"))
_ONE_OF_ORGANIZATION = _ONE.where(Invitation.organization_id == bindparam("organization_id"))


def add_pending(**values: Any) -> Invitation | None:
    """A new invitation; None when one to that address is pending."""
    return insert_if_absent(Invitation, {"id": new_id(), **values})


def expire_overdue(organization_id: UUID, email_key: str) -> None:
    """Write down that earlier invitations of an address have expired, so that they are in nobody's way."""
    lapsed = update(Invitation).where(
        Invitation.organization_id == organization_id, Invitation.email_key == email_key, _is_overdue(now())
    )
    current_session().execute(lapsed.values(status="expired"))


def expire_batch(limit: int) -> int:
    """Write down that at most `limit` invitations have expired; how many it were."""
    some = select(Invitation.id).where(_is_overdue(now())).limit(limit).with_for_update(skip_locked=True)
    expired = update(Invitation).where(Invitation.id.in_(some)).values(status="expired")
    return int(cast(Any, current_session().execute(expired)).rowcount)


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
    values = {"organization_id": organization_id, "invitation_id": invitation_id}
    with read() as connection:
        invitation = connection.execute(_ONE_OF_ORGANIZATION, values).one_or_none()
    if invitation is None:
        raise NotFound
    return invitation


def list_invitations(organization_id: UUID, status: str | None, page: PageRequest) -> Page:
    """The invitations of an organization, by their effective status."""
    within: dict[Any, Any] = {Invitation.organization_id: organization_id}
    if status is not None:
        within[Invitation.status] = status
    if status == "expired":
        lapsed = _INVITATIONS.where(Invitation.organization_id == organization_id, _is_overdue(now()))
        return select_page_with(lapsed, _INVITATIONS, Invitation.id, page, within)
    in_time = Invitation.expires_at > now() if status == "pending" else true()
    return select_page(_INVITATIONS.where(in_time), Invitation.id, page, within)


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


def _is_overdue(at: datetime) -> ColumnElement[bool]:
    # In the statement itself: a plan made for any value could not use the index of what is pending.
    return and_(Invitation.status == literal("pending", literal_execute=True), Invitation.expires_at <= at)
