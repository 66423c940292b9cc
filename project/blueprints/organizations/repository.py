"""Named queries on organizations and memberships."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select

from project.blueprints.organizations.models import Membership, Organization
from project.errors import NotFound
from project.infrastructure.database import insert_if_absent, read
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

_IS_OF_USER = Membership.user_id == bindparam("user_id")
_OF_ANYONE = select(Organization.__table__, Membership.organization_id, Membership.role).join(
    Membership, Membership.organization_id == Organization.id
)
_ONE_OF_USER = _OF_ANYONE.where(_IS_OF_USER, Organization.id == bindparam("organization_id"))
_MEMBERSHIPS = select(Membership.__table__)
_MEMBERSHIP = _MEMBERSHIPS.where(_IS_OF_USER, Membership.organization_id == bindparam("organization_id"))


def add_organization(name: str, slug: str) -> Organization | None:
    """A new organization; None when the slug is taken."""
    return insert_if_absent(Organization, {"id": new_id(), "name": name, "slug": slug})


def add_membership(organization_id: UUID, user_id: UUID, role: str) -> Membership | None:
    """A new membership; None when there is one."""
    values = {"id": new_id(), "organization_id": organization_id, "user_id": user_id, "role": role}
    return insert_if_absent(Membership, values)


def find_membership(organization_id: UUID, user_id: UUID) -> Row[Any] | None:
    """The membership of a user in an organization."""
    with read() as connection:
        values = {"organization_id": organization_id, "user_id": user_id}
        return connection.execute(_MEMBERSHIP, values).one_or_none()


def get_organization(organization_id: UUID, user_id: UUID) -> Row[Any]:
    """An organization with the role of the user in it. Raises NotFound, to strangers too."""
    with read() as connection:
        values = {"organization_id": organization_id, "user_id": user_id}
        organization = connection.execute(_ONE_OF_USER, values).one_or_none()
    if organization is None:
        raise NotFound
    return organization


def list_organizations(user_id: UUID, page: PageRequest) -> Page:
    """The organizations of a user."""
    return select_page(_OF_ANYONE, Membership.organization_id, page, {Membership.user_id: user_id})


def list_members(organization_id: UUID, page: PageRequest) -> Page:
    """The memberships of an organization."""
    return select_page(_MEMBERSHIPS, Membership.id, page, {Membership.organization_id: organization_id})


def find_name(organization_id: UUID) -> str | None:
    """The name of an organization."""
    with read() as connection:
        name: str | None = connection.scalar(select(Organization.name).where(Organization.id == organization_id))
    return name
