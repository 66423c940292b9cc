"""Queries on the `organizations` and `memberships` tables."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import bindparam, delete, select

from project.blueprints.organizations.models import Membership, MembershipRow, Organization, OrganizationRow, Role
from project.errors import NotFound
from project.infrastructure.database import columns_of, current_connection, fetch_one, insert_if_absent, map_row, read
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

_WRITTEN = (Organization.created_at, Organization.updated_at, Organization.version)
_MEMBERSHIP = columns_of(MembershipRow, Membership)
_BY_USER = Membership.user_id == bindparam("user_id")
_ORGANIZATIONS = select(*columns_of(OrganizationRow, Organization, Membership)).join(
    Membership, Membership.organization_id == Organization.id
)
_FIND_ORGANIZATION = _ORGANIZATIONS.where(_BY_USER, Organization.id == bindparam("organization_id"))
_MEMBERSHIPS = select(*_MEMBERSHIP)
_FIND_MEMBERSHIP = _MEMBERSHIPS.where(_BY_USER, Membership.organization_id == bindparam("organization_id"))


def add_organization(name: str, slug: str, role: Role) -> OrganizationRow | None:
    """Insert an organization and return it to a caller who will have `role` in it, or `None` if the slug is taken."""
    organization_id = new_id()
    row = insert_if_absent(Organization, {"id": organization_id, "name": name, "slug": slug}, returning=_WRITTEN)
    if row is None:
        return None
    return OrganizationRow(organization_id, name, slug, role, row.created_at, row.updated_at, row.version)


def add_membership(organization_id: UUID, user_id: UUID, role: Role) -> MembershipRow | None:
    """Insert a membership and return it, or `None` if the user is already a member."""
    values = {"id": new_id(), "organization_id": organization_id, "user_id": user_id, "role": role}
    return map_row(insert_if_absent(Membership, values, returning=_MEMBERSHIP), MembershipRow)


def find_membership(organization_id: UUID, user_id: UUID) -> MembershipRow | None:
    """Return a user's membership in an organization, or `None`."""
    values = {"organization_id": organization_id, "user_id": user_id}
    return fetch_one(_FIND_MEMBERSHIP, values, MembershipRow)


def get_organization(organization_id: UUID, user_id: UUID) -> OrganizationRow:
    """Return an organization with the user's role. Raises NotFound if the user is not a member."""
    values = {"organization_id": organization_id, "user_id": user_id}
    organization = fetch_one(_FIND_ORGANIZATION, values, OrganizationRow)
    if organization is None:
        raise NotFound
    return organization


def list_organizations(user_id: UUID, page: PageRequest) -> Page[OrganizationRow]:
    """Return a page of the organizations that a user is a member of."""
    within = {Membership.user_id: user_id}
    return select_page(_ORGANIZATIONS, Membership.organization_id, page, within, OrganizationRow)


def list_members(organization_id: UUID, page: PageRequest) -> Page[MembershipRow]:
    """Return a page of an organization's memberships."""
    within = {Membership.organization_id: organization_id}
    return select_page(_MEMBERSHIPS, Membership.id, page, within, MembershipRow)


def lock_owned(user_id: UUID) -> list[UUID]:
    """Lock the organizations that a user owns until the transaction ends, and return their ids."""
    owned = (
        select(Organization.id)
        .join(Membership, Membership.organization_id == Organization.id)
        .where(Membership.user_id == user_id, Membership.role == "owner")
        .order_by(Organization.id)
        .with_for_update(key_share=True, of=Organization)
    )
    return list(current_connection().scalars(owned))


def remove_memberships(user_id: UUID) -> None:
    """Delete all memberships of a user."""
    current_connection().execute(delete(Membership).where(Membership.user_id == user_id))


def have_owners(organization_ids: Collection[UUID]) -> bool:
    """Return whether each of these organizations has an owner."""
    owned = select(Membership.organization_id).where(
        Membership.organization_id.in_(organization_ids), Membership.role == "owner"
    )
    return set(current_connection().scalars(owned)) == set(organization_ids)


def find_name(organization_id: UUID) -> str | None:
    """Return the name of an organization, or `None`."""
    with read() as connection:
        name: str | None = connection.scalar(select(Organization.name).where(Organization.id == organization_id))
    return name
