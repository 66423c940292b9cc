"""Administration: listing users, changing roles and statuses, ending sessions, creating admins, deleting users."""

from collections.abc import Collection
from uuid import UUID

from project.blueprints.auth import policy, repository
from project.blueprints.auth.errors import LastAdmin
from project.blueprints.auth.models import ProfileRow, UserRole, UserRow, UserStatus
from project.blueprints.auth.service.notices import enqueue_notice
from project.blueprints.auth.service.password_changes import wrong_password
from project.blueprints.auth.service.registration import register_verified
from project.errors import NotFound, version_mismatch
from project.infrastructure import audit
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest


def list_profiles(
    page: PageRequest, *, email: str | None, role: UserRole | None, status: UserStatus | None
) -> Page[ProfileRow]:
    """Return a page of the users with this email address, role and status. `None` selects all."""
    key = None if email is None else policy.email_key(email)
    filters = {"email_key": key, "role": role, "status": status}
    return repository.list_profiles(page, {name: value for name, value in filters.items() if value is not None})


def get_profile(user_id: UUID) -> UserRow:
    """Return a user that is not deleted. Raises NotFound."""
    return _undeleted(repository.get_user(user_id))


def update_access(
    user_id: UUID, *, actor_id: UUID | None, versions: Collection[int] | None, **changes: object
) -> UserRow:
    """Set the `role`, the `status` or both of a user, and return the user. Disabling ends all of the user's sessions.

    `actor_id` is the admin, or `None` for an operator. Raises NotFound, PreconditionFailed if the user's version is not
    in `versions`, and LastAdmin if no active admin would be left.
    """
    with transaction():
        # Every change of an admin locks first the user, then the count of admins, so that no two of them deadlock.
        before = _undeleted(repository.lock_user(user_id))
        user = repository.update_user(user_id, versions=versions, **changes)
        if user is None:
            raise version_mismatch(versions)
        _count_admins(before, user)
        _record_changes(before, user, actor_id)
        if user.status == "disabled":
            repository.end_sessions(user_id)
    return user


def end_user_sessions(user_id: UUID, *, actor_id: UUID) -> None:
    """End all sessions of a user. Their tokens stop working immediately. Raises NotFound."""
    with transaction():
        _undeleted(repository.lock_user(user_id))
        repository.end_sessions(user_id)
        audit.record("users.end_user_sessions", actor_id=actor_id, target=("user", user_id))


def create_admin(*, email: str, password: str, display_name: str | None) -> UserRow:
    """Create an account with the `admin` role, whose email address counts as verified, and return the user.

    Raises EmailTaken, and ValidationFailed if the password is too weak.
    """
    with transaction():
        user = register_verified(email=email, password=password, display_name=display_name)
        return update_access(user.id, actor_id=None, versions=None, role="admin")


def delete_user(user: UserRow) -> None:
    """Delete a user, whose password has been verified, and end all of the user's sessions.

    Raises LastAdmin, and ValidationFailed if the password has changed since `user` was read.
    """
    with transaction():
        before = repository.lock_user(user.id)
        if before.password_version != user.password_version:
            raise wrong_password("/password")
        _count_admins(before, repository.delete_user(user.id))
        repository.end_sessions(user.id)
        enqueue_notice("account-deleted", before)


def _undeleted(user: UserRow) -> UserRow:
    if user.status == "deleted":
        raise NotFound
    return user


def _count_admins(before: UserRow, after: UserRow) -> None:
    """Adjust the number of active admins to the change of a locked user. Raises LastAdmin if none would be left."""
    was_admin, is_admin = policy.is_active_admin(before), policy.is_active_admin(after)
    if is_admin and not was_admin:
        repository.increment_admins()
    if was_admin and not is_admin and not repository.decrement_admins():
        raise LastAdmin


def _record_changes(before: UserRow, after: UserRow, actor_id: UUID | None) -> None:
    target = ("user", after.id)
    if after.role != before.role:
        action = "users.grant_admin" if after.role == "admin" else "users.revoke_admin"
        audit.record(action, actor_id=actor_id, target=target)
    if after.status != before.status:
        action = "users.enable" if after.status == "active" else "users.disable"
        audit.record(action, actor_id=actor_id, target=target)
