"""Accounts and sessions: register, sign in, refresh, sign out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from project.blueprints.auth import passwords, policy, repository
from project.blueprints.auth.errors import (
    AccountDisabled,
    EmailTaken,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from project.config import current_settings
from project.errors import ValidationFailed, version_mismatch
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id

_REFRESH = "refresh-token"


@dataclass(frozen=True)
class Client:
    """Where a session was opened from."""

    user_agent: str
    ip_address: str


@dataclass(frozen=True)
class Grant:
    """A session and the refresh token that now counts for it."""

    user_id: UUID
    session_id: UUID
    refresh_token: str
    expires_at: datetime


def register(*, email: str, password: str, display_name: str | None, email_verified: bool = False) -> Any:
    """A new account. Raises EmailTaken, and ValidationFailed for a weak password."""
    password = passwords.normalize(password)
    local_part = email.partition("@")[0]
    display_name = display_name or local_part
    _ensure_strong(password, known=[email, local_part, display_name])
    password_hash = passwords.hash_password(password)
    with transaction():
        user = repository.add_user(
            id=new_id(),
            email=email,
            email_key=policy.email_key(email),
            email_verified=email_verified,
            display_name=display_name,
            password_hash=password_hash,
        )
        if user is None:
            raise EmailTaken
    return user


def log_in(*, email: str, password: str, client: Client) -> Grant:
    """Open a session by password. Raises InvalidCredentials, AccountDisabled."""
    user = repository.find_user_by_email(policy.email_key(email))
    password_hash = None if user is None else user.password_hash
    if not passwords.matches(password_hash, passwords.normalize(password)) or user is None:
        raise InvalidCredentials
    if user.status != "active":
        raise AccountDisabled
    return open_session(user, methods=["password"], client=client)


def open_session(user: Any, *, methods: list[str], client: Client) -> Grant:
    """Open a session for someone who proved to be `user`; the one door to one.

    Whatever ends all sessions of a user changes the user's row first, and this locks it: a sign-in
    that was in flight meanwhile is refused. Raises InvalidCredentials.
    """
    settings, at = current_settings(), now()
    with transaction():
        locked = repository.lock_user(user.id)
        if locked is None or (locked.password_hash, locked.status) != (user.password_hash, "active"):
            raise InvalidCredentials
        session = repository.add_session(
            user_id=user.id,
            methods=methods,
            idle_until=at + timedelta(seconds=settings.session_idle_timeout_seconds),
            expires_at=at + timedelta(seconds=settings.session_max_age_seconds),
            user_agent=client.user_agent,
            ip_address=client.ip_address,
        )
    return _grant(session)


def refresh(refresh_token: str) -> Grant:
    """The next tokens of a session, or the same again when the answer was just lost.

    Raises RefreshTokenInvalid, and RefreshTokenReused after ending the session.
    """
    presented = signing.verify(_REFRESH, refresh_token)
    if presented is None:
        raise RefreshTokenInvalid
    try:
        with transaction():
            return _grant(_rotate(*presented))
    except RefreshTokenReused:
        with transaction():
            repository.end_session(presented[0])
        raise


def log_out(session_id: UUID) -> None:
    """End a session: its access token is refused from the next request on."""
    with transaction():
        repository.end_session(session_id)


def load_principal(session_id: UUID) -> Any:
    """`session_id user_id role` of a live session of an active user, or None."""
    return repository.find_principal(session_id)


def get_user(user_id: UUID) -> Any:
    """One user. Raises NotFound."""
    return repository.get_user(user_id)


def update_profile(user_id: UUID, *, display_name: str, versions: Collection[int] | None) -> Any:
    """Change how a user is called, if the user has one of `versions`. Raises PreconditionFailed."""
    with transaction():
        user = repository.update_profile(user_id, display_name, versions)
        if user is None:
            raise version_mismatch(versions)
    return user


def find_user_by_email(email: str) -> Any:
    """The user with this address, or None."""
    return repository.find_user_by_email(policy.email_key(email))


def list_active_ids(after: UUID | None, limit: int) -> list[UUID]:
    """The ids of at most `limit` active users after that one, in their order: for `outbox.fan_out`."""
    return repository.list_active_ids(after, limit)


def get_users_by_id(user_ids: Iterable[UUID]) -> dict[UUID, Any]:
    """The users with these ids."""
    return {user.id: user for user in repository.list_users(user_ids)}


def email_key(email: str) -> str:
    """What addresses are compared by."""
    return policy.email_key(email)


def mark_verified(user_id: UUID) -> None:
    """The user proved to read mail at the address."""
    with transaction():
        repository.mark_verified(user_id)


def _rotate(session_id: UUID, generation: int) -> Any:
    settings = current_settings()
    idle_until = now() + timedelta(seconds=settings.session_idle_timeout_seconds)
    advanced = repository.rotate(session_id, generation, idle_until=idle_until)
    if advanced is not None:
        return advanced
    session = repository.find_live_session(session_id)
    if session is None:
        raise RefreshTokenInvalid
    grace = timedelta(seconds=settings.refresh_grace_period_seconds)
    # The time is taken only now: the update may have waited for the one that rotated first.
    if not policy.may_reuse_refresh_token(
        generation, generation=session.generation, rotated_at=session.rotated_at, at=now(), grace=grace
    ):
        raise RefreshTokenReused
    return session


def _grant(session: Any) -> Grant:
    token = signing.issue(_REFRESH, session.id, session.generation)
    return Grant(session.user_id, session.id, token, min(session.idle_until, session.expires_at))


def _ensure_strong(password: str, *, known: list[str]) -> None:
    weakness = passwords.weakness(password, known=known)
    if weakness:
        raise ValidationFailed(errors=[{"pointer": "/password", "location": "body", "detail": weakness}])
