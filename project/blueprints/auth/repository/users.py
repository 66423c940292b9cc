"""Queries on the `users` table, and on the count of admins."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Executable,
    Update,
    and_,
    bindparam,
    select,
    update,
)

from project.blueprints.auth.models import (
    AdminCount,
    ProfileRow,
    User,
    UserRow,
)
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.database import (
    columns_of,
    current_connection,
    delete_batch,
    fetch_one,
    insert_if_absent,
    map_row,
    read,
)
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

USER = columns_of(UserRow, User)
_FIND_USER = select(*USER).where(User.id == bindparam("user_id"))
_LOCK_USER = _FIND_USER.with_for_update(key_share=True)
_FIND_USER_BY_EMAIL = select(*USER).where(User.email_key == bindparam("email_key"))
_PROFILES = select(*columns_of(ProfileRow, User)).where(User.status != "deleted")


def get_user(user_id: UUID) -> UserRow:
    """Return a user. Raises NotFound."""
    return _get_user(_FIND_USER, user_id)


def lock_user(user_id: UUID) -> UserRow:
    """Lock a user's row against changes until the transaction ends, and return the user. Raises NotFound."""
    return _get_user(_LOCK_USER, user_id)


def find_user(user_id: UUID) -> UserRow | None:
    """Return a user, or `None`."""
    return fetch_one(_FIND_USER, {"user_id": user_id}, UserRow)


def find_user_by_email(email_key: str) -> UserRow | None:
    """Return the user whose normalized email address is `email_key`, or `None`."""
    return fetch_one(_FIND_USER_BY_EMAIL, {"email_key": email_key}, UserRow)


def list_active_ids(after: UUID | None, limit: int) -> list[UUID]:
    """Return the ids of up to `limit` active users after the id `after`, in ascending order."""
    active = select(User.id).where(User.status == "active").order_by(User.id).limit(limit)
    with read() as connection:
        return list(connection.scalars(active if after is None else active.where(User.id > after)))


def list_profiles(page: PageRequest, filters: Mapping[str, str]) -> Page[ProfileRow]:
    """Return a page of all users that are not deleted, or of those whose columns have the values in `filters`."""
    within: dict[Any, str] = {getattr(User, name): value for name, value in filters.items()}
    return select_page(_PROFILES, User.id, page, within, ProfileRow)


def list_users(user_ids: Iterable[UUID]) -> list[UserRow]:
    """Return the users with these ids, in no particular order."""
    with read() as connection:
        return [UserRow(*row) for row in connection.execute(select(*USER).where(User.id.in_(set(user_ids))))]


def add_user(
    *, email: str, email_key: str, email_verified: bool, display_name: str, password_hash: str
) -> UserRow | None:
    """Insert a user, whose first email token is issued now, and return it. Returns `None` if the address is taken."""
    values = {
        "id": new_id(),
        "email": email,
        "email_key": email_key,
        "email_verified": email_verified,
        "display_name": display_name,
        "password_hash": password_hash,
        "email_token_version": 1,
        "email_token_issued_at": now(),
    }
    return map_row(insert_if_absent(User, values, returning=USER), UserRow)


def update_user(user_id: UUID, *, versions: Collection[int] | None, **changes: object) -> UserRow | None:
    """Set the columns in `changes` and return the user.

    Returns `None` if the user's version is not in `versions`, or if the user is deleted.
    """
    changed = update(User).where(User.id == user_id, User.is_at(versions), User.status != "deleted")
    return execute_update(changed.values(**changes))


def mark_verified(user_id: UUID) -> UserRow | None:
    """Mark the email address of an active user as verified, and return the user, or `None` if there is none."""
    return execute_update(update(User).where(User.id == user_id, User.status == "active").values(email_verified=True))


def record_first_login(user_id: UUID) -> None:
    """Record that a user logs in, unless it has been recorded."""
    first = update(User).where(User.id == user_id, User.first_login_at.is_(None))
    current_connection().execute(first.values(first_login_at=now(), **User.unchanged()))


def delete_user(user_id: UUID) -> UserRow:
    """Remove the personal data from the row of a user, which frees the email address. Returns the row."""
    # Not an email address, so that it cannot be registered.
    unused_key = f"deleted:{user_id}"
    deleted = (
        update(User)
        .where(User.id == user_id)
        .values(
            email=unused_key,
            email_key=unused_key,
            email_verified=False,
            display_name="Deleted user",
            password_hash="",
            password_version=User.password_version + 1,
            pending_email=None,
            pending_email_key=None,
            email_token_version=User.email_token_version + 1,
            reset_token_version=User.reset_token_version + 1,
            role="user",
            status="deleted",
        )
    )
    return UserRow(*current_connection().execute(deleted.returning(*USER)).one())


def increment_admins() -> None:
    """Count another active admin."""
    increased = update(AdminCount).values(active_admins=AdminCount.active_admins + 1)
    current_connection().execute(increased.returning(AdminCount.id)).one()


def decrement_admins() -> bool:
    """Count one active admin less. Returns False if only one is left."""
    decreased = update(AdminCount).where(AdminCount.active_admins > 1)
    changed = decreased.values(active_admins=AdminCount.active_admins - 1).returning(AdminCount.id)
    return current_connection().execute(changed).first() is not None


def purge_unused_users(before: datetime, limit: int) -> int:
    """Delete up to `limit` unverified users who registered before this time and never logged in.

    Keeps admins, who are counted, and disabled accounts, whose addresses would be free again.
    """
    is_unused = and_(User.email_verified.is_(False), User.first_login_at.is_(None))
    is_active_user = and_(User.role == "user", User.status == "active")
    batch = select(User.id).where(User.created_at < before, is_unused, is_active_user).order_by(User.id).limit(limit)
    return delete_batch(User, batch)


def execute_update(statement: Update) -> UserRow | None:
    """Execute an update of one user, and return the user, or `None` if the condition matches none."""
    return map_row(current_connection().execute(statement.returning(*USER)).one_or_none(), UserRow)


def _get_user(statement: Executable, user_id: UUID) -> UserRow:
    user = fetch_one(statement, {"user_id": user_id}, UserRow)
    if user is None:
        raise NotFound
    return user
