"""Organizations and memberships."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from slugify import slugify

from project.blueprints.auth import service as auth
from project.blueprints.organizations import policy, repository
from project.blueprints.organizations.errors import AlreadyAMember, LastOwner, SlugTaken
from project.blueprints.organizations.models import MembershipRow, OrganizationRow
from project.blueprints.organizations.models import Role as Role  # exported to other blueprints
from project.errors import NotFound
from project.infrastructure import audit
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest

ROLES = policy.ROLES
_MAX_DERIVED_SLUG_LENGTH = 50
_RANDOM_SLUGS = 5


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an organization, with their profile and role."""

    user_id: UUID
    display_name: str
    email: str
    role: Role
    joined_at: datetime


def create_organization(*, owner_id: UUID, name: str, slug: str | None) -> OrganizationRow:
    """Create an organization with `owner_id` as its owner, and return it.

    Without a `slug`, one is derived from the name. Raises SlugTaken.
    """
    with transaction():
        organization = _add(name, slug)
        repository.add_membership(organization.id, owner_id, "owner")
        audit.record(
            "organizations.create_organization",
            actor_id=owner_id,
            target=("organization", organization.id),
            organization_id=organization.id,
        )
    return organization


def list_organizations(user_id: UUID, page: PageRequest) -> Page[OrganizationRow]:
    """Return a page of the organizations that a user is a member of."""
    return repository.list_organizations(user_id, page)


def get_organization(organization_id: UUID, user_id: UUID) -> OrganizationRow:
    """Return an organization with the user's role. Raises NotFound if the user is not a member."""
    return repository.get_organization(organization_id, user_id)


def get_name(organization_id: UUID) -> str:
    """Return the name of an organization. Raises NotFound."""
    name = repository.find_name(organization_id)
    if name is None:
        raise NotFound
    return name


def list_members(organization_id: UUID, page: PageRequest) -> Page[Member]:
    """Return a page of the members of an organization."""
    memberships = repository.list_members(organization_id, page)
    users = auth.get_users_by_id(membership.user_id for membership in memberships.items)
    return memberships.map(lambda membership: _member(membership, users[membership.user_id]))


def ensure_member(organization_id: UUID, user_id: UUID, *, role: Role = "member") -> Role:
    """Return the user's role in an organization.

    Raises PermissionDenied if it is lower than `role`, and NotFound if the user is not a member.
    """
    membership = repository.find_membership(organization_id, user_id)
    if membership is None:
        raise NotFound
    policy.ensure_role(membership.role, role)
    return membership.role


def is_member(organization_id: UUID, user_id: UUID) -> bool:
    """Return whether a user is a member of an organization."""
    return repository.find_membership(organization_id, user_id) is not None


def add_member(organization_id: UUID, user: auth.UserRow, role: Role) -> Member:
    """Add a user to an organization and return the new member. Raises AlreadyAMember."""
    with transaction():
        membership = repository.add_membership(organization_id, user.id, role)
        if membership is None:
            raise AlreadyAMember
        audit.record(
            "organizations.join",
            actor_id=user.id,
            target=("organization", organization_id),
            organization_id=organization_id,
        )
    return _member(membership, user)


def leave_all(user_id: UUID) -> None:
    """Remove a user from all organizations. Raises LastOwner if the user is the only owner of one of them."""
    with transaction():
        # Lock the organizations first, so that two owners cannot leave concurrently.
        owned = repository.lock_owned(user_id)
        repository.remove_memberships(user_id)
        if not repository.have_owners(owned):
            raise LastOwner


def _add(name: str, slug: str | None) -> OrganizationRow:
    for candidate in [slug] if slug else _derived_slugs(name):
        organization = repository.add_organization(name, candidate, "owner")
        if organization is not None:
            return organization
    raise SlugTaken


def _derived_slugs(name: str) -> list[str]:
    stem = slugify(name, max_length=_MAX_DERIVED_SLUG_LENGTH) or "organization"
    stem = stem if len(stem) > 1 else f"{stem}-organization"
    return [stem, *(f"{stem}-{secrets.token_hex(3)}" for _ in range(_RANDOM_SLUGS))]


def _member(membership: MembershipRow, user: auth.UserRow) -> Member:
    return Member(user.id, user.display_name, user.email, membership.role, membership.created_at)
