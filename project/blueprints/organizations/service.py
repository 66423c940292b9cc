"""Making organizations, and who belongs to them."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from slugify import slugify

from project.blueprints.auth import service as auth
from project.blueprints.organizations import policy, repository
from project.blueprints.organizations.errors import AlreadyAMember, SlugTaken
from project.errors import NotFound
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest

ROLES = policy.ROLES
_LONGEST_DERIVED_SLUG = 50
_TRIES = 5


@dataclass(frozen=True)
class Member:
    """A membership, with who it is."""

    user_id: UUID
    display_name: str
    email: str
    role: str
    joined_at: datetime


def create_organization(*, owner_id: UUID, name: str, slug: str | None) -> Any:
    """A new organization of `owner_id`. Raises SlugTaken for a slug that was asked for."""
    with transaction():
        organization = _add(name, slug)
        repository.add_membership(organization.id, owner_id, "owner")
        return repository.get_organization(organization.id, owner_id)


def list_organizations(user_id: UUID, page: PageRequest) -> Page:
    """The organizations that a user belongs to."""
    return repository.list_organizations(user_id, page)


def get_organization(organization_id: UUID, user_id: UUID) -> Any:
    """One of them. Raises NotFound."""
    return repository.get_organization(organization_id, user_id)


def get_name(organization_id: UUID) -> str:
    """What an organization is called. Raises NotFound."""
    name = repository.find_name(organization_id)
    if name is None:
        raise NotFound
    return name


def list_members(organization_id: UUID, page: PageRequest) -> Page:
    """Who belongs to an organization."""
    slice_ = repository.list_members(organization_id, page)
    users = auth.get_users_by_id(membership.user_id for membership in slice_.items)
    return replace(slice_, items=[_member(row, users[row.user_id]) for row in slice_.items])


def ensure_member(organization_id: UUID, user_id: UUID, *, role: str = "member") -> str:
    """The role a user has, at least `role`. Raises PermissionDenied, and NotFound to strangers."""
    membership = repository.find_membership(organization_id, user_id)
    if membership is None:
        raise NotFound
    policy.ensure_role(membership.role, role)
    held: str = membership.role
    return held


def is_member(organization_id: UUID, user_id: UUID) -> bool:
    """Whether a user belongs to an organization."""
    return repository.find_membership(organization_id, user_id) is not None


def add_member(organization_id: UUID, user: Any, role: str) -> Member:
    """Make `user` a member. Raises AlreadyAMember."""
    with transaction():
        membership = repository.add_membership(organization_id, user.id, role)
        if membership is None:
            raise AlreadyAMember
    return _member(membership, user)


def _add(name: str, slug: str | None) -> Any:
    for candidate in [slug] if slug else _derived(name):
        organization = repository.add_organization(name, candidate)
        if organization is not None:
            return organization
    raise SlugTaken


def _derived(name: str) -> list[str]:
    stem = slugify(name, max_length=_LONGEST_DERIVED_SLUG) or "organization"
    stem = stem if len(stem) > 1 else f"{stem}-organization"
    return [stem, *(f"{stem}-{secrets.token_hex(3)}" for _ in range(_TRIES))]


def _member(membership: Any, user: Any) -> Member:
    return Member(user.id, user.display_name, user.email, membership.role, membership.created_at)
