"""Queries that change the passwords and email addresses of users, and issue and use the tokens in emails."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Update,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from project.blueprints.auth.errors import EmailTaken
from project.blueprints.auth.models import (
    User,
    UserRow,
)
from project.blueprints.auth.repository.users import execute_update
from project.infrastructure.clock import now
from project.infrastructure.database import (
    current_connection,
    read,
)


def change_password(user: UserRow, password_hash: str) -> UserRow | None:
    """Set the password of a user, invalidate the reset token, and return the user.

    Returns `None` if the password has changed since `user` was read.
    """
    changed = update(User).where(User.id == user.id, User.password_version == user.password_version)
    return execute_update(changed.values({**_new_password(password_hash), **User.unchanged()}))


def upgrade_hash(user: UserRow, password_hash: str) -> None:
    """Replace the hash of the same password, unless it has changed since `user` was read."""
    upgraded = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
    current_connection().execute(upgraded.values(password_hash=password_hash, **User.unchanged()))


def has_password(user: UserRow) -> bool:
    """Return whether the password of a user is the one that the user had when `user` was read."""
    unchanged = select(User.id).where(User.id == user.id, User.password_version == user.password_version)
    with read() as connection:
        return connection.execute(unchanged).first() is not None


def issue_email_token(user_id: UUID) -> UserRow | None:
    """Issue a new token for the address that an active user has yet to confirm, and return the user.

    Returns `None` if there is no such address.
    """
    unconfirmed = update(User).where(
        User.id == user_id,
        User.status == "active",
        or_(User.email_verified.is_(False), User.pending_email.is_not(None)),
    )
    return execute_update(unconfirmed.values(**_next_email_token(now()), **User.unchanged()))


def set_pending_email(user: UserRow, *, email: str, email_key: str) -> UserRow | None:
    """Set the address that `user` has yet to confirm, issue a token for it, and return the user.

    Returns `None` if the password has changed since `user` was read.
    """
    changed = update(User).where(User.id == user.id, User.password_version == user.password_version)
    values = {"pending_email": email, "pending_email_key": email_key, **_next_email_token(now()), **User.unchanged()}
    return execute_update(changed.values(values))


def confirm_email(user: UserRow) -> UserRow | None:
    """Mark the address that the email token was sent to as the verified address of an active user. Returns the user.

    Returns `None` if the token has changed since `user` was read. Raises EmailTaken if another account has the address.
    """
    confirmed = _with_email_token_of(user).values(
        email=func.coalesce(User.pending_email, User.email),
        email_key=func.coalesce(User.pending_email_key, User.email_key),
        email_verified=True,
        reset_token_version=User.reset_token_version + 1,  # it was sent to the previous address
        **_without_email_token(),
    )
    try:
        return execute_update(confirmed)
    except IntegrityError as error:
        raise EmailTaken from error


def claim_with_email_token(user: UserRow, password_hash: str) -> UserRow | None:
    """Give an account to the owner of its address, who sets a new password, and return the user.

    Returns `None` if the email token has changed since `user` was read, or confirms the change to another address.
    """
    own_address = _with_email_token_of(user).where(User.pending_email.is_(None))
    return execute_update(own_address.values(_proved_owner(password_hash)))


def claim_with_reset_token(user: UserRow, password_hash: str) -> UserRow | None:
    """Set the password of an active user, whose address is thereby verified, and return the user.

    Returns `None` if the reset token has changed since `user` was read.
    """
    unchanged = update(User).where(
        User.id == user.id, User.status == "active", User.reset_token_version == user.reset_token_version
    )
    return execute_update(unchanged.values(_proved_owner(password_hash)))


def claim_unverified(email_key: str, password_hash: str, *, display_name: str) -> UserRow | None:
    """Give an active account, whose address is not verified, to the owner of the address, and return the user.

    Returns `None` if there is no such account.
    """
    unverified = update(User).where(
        User.email_key == email_key, User.email_verified.is_(False), User.status == "active"
    )
    return execute_update(unverified.values(display_name=display_name, **_proved_owner(password_hash)))


def issue_reset_token(email_key: str, requested_at: datetime) -> UserRow | None:
    """Issue a reset token to the active user with this address, and return the user.

    Returns `None` if there is no such user, or if a token was already issued for this request or a later one.
    """
    return execute_update(_with_next_reset_token(email_key, requested_at))


def issue_reset_token_to_unverified(email_key: str, requested_at: datetime) -> UserRow | None:
    """Issue a reset token as `issue_reset_token` does, to a user whose address is not verified.

    The token that confirms the address becomes invalid.
    """
    issued = _with_next_reset_token(email_key, requested_at).where(User.email_verified.is_(False))
    return execute_update(issued.values(email_token_version=User.email_token_version + 1))


def _with_email_token_of(user: UserRow) -> Update:
    return update(User).where(
        User.id == user.id, User.status == "active", User.email_token_version == user.email_token_version
    )


def _with_next_reset_token(email_key: str, requested_at: datetime) -> Update:
    requested = update(User).where(
        User.email_key == email_key,
        User.status == "active",
        or_(User.reset_token_issued_at.is_(None), User.reset_token_issued_at < requested_at),
    )
    values = {"reset_token_version": User.reset_token_version + 1, "reset_token_issued_at": requested_at}
    return requested.values(**values, **User.unchanged())


def _next_email_token(at: datetime) -> dict[str, Any]:
    return {"email_token_version": User.email_token_version + 1, "email_token_issued_at": at}


def _without_email_token() -> dict[str, Any]:
    return {"email_token_version": User.email_token_version + 1, "pending_email": None, "pending_email_key": None}


def _new_password(password_hash: str) -> dict[str, Any]:
    return {
        "password_hash": password_hash,
        "password_version": User.password_version + 1,
        "reset_token_version": User.reset_token_version + 1,
    }


def _proved_owner(password_hash: str) -> dict[str, Any]:
    """Return the values that leave the account to the owner of its address: nothing issued earlier remains valid."""
    return {"email_verified": True, **_new_password(password_hash), **_without_email_token()}
