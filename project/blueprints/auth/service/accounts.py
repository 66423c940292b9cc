"""Profiles, and lookups of accounts."""

from collections.abc import Collection, Iterable
from uuid import UUID

from project.blueprints.auth import policy, repository
from project.blueprints.auth.models import UserRow
from project.errors import NotFound, version_mismatch
from project.infrastructure.database import transaction


def get_user(user_id: UUID) -> UserRow:
    """Return a user. Raises NotFound."""
    return repository.get_user(user_id)


def update_profile(user_id: UUID, *, versions: Collection[int] | None, **changes: object) -> UserRow:
    """Set the columns in `changes`, such as `display_name`, and return the user.

    Raises PreconditionFailed if the user's version is not in `versions`.
    """
    with transaction():
        user = repository.update_user(user_id, versions=versions, **changes)
        if user is None:
            raise version_mismatch(versions)
    return user


def find_user_by_email(email: str) -> UserRow | None:
    """Return the user with this email address, or `None`."""
    return repository.find_user_by_email(policy.email_key(email))


def list_active_ids(after: UUID | None, limit: int) -> list[UUID]:
    """Return the ids of up to `limit` active users after the id `after`, in ascending order, for `jobs.fan_out`."""
    return repository.list_active_ids(after, limit)


def get_users_by_id(user_ids: Iterable[UUID]) -> dict[UUID, UserRow]:
    """Return a dict of the users with these ids, keyed by id. Omits unknown ids."""
    return {user.id: user for user in repository.list_users(user_ids)}


def mark_verified(user_id: UUID) -> UserRow:
    """Record that the user controls the email address of the account, and return the user.

    Raises NotFound if the account is disabled or deleted.
    """
    with transaction():
        user = repository.mark_verified(user_id)
        if user is None:
            raise NotFound
    return user
