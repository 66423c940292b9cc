"""Registration, login, sessions and profiles."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from project.blueprints.auth import passwords, policy, repository
from project.blueprints.auth.errors import (
    AccountDisabled,
    EmailTaken,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from project.blueprints.auth.models import PrincipalRow, SessionRow
from project.blueprints.auth.models import UserRow as UserRow  # exported to other blueprints
from project.config import current_settings
from project.errors import ValidationFailed, version_mismatch
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction

_REFRESH = "refresh-token"


@dataclass(frozen=True, slots=True)
class Client:
    """The client that opens a session."""

    user_agent: str
    ip_address: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A session with its current refresh token."""

    user_id: UUID
    session_id: UUID
    refresh_token: str
    expires_at: datetime


def register(*, email: str, password: str, display_name: str | None, email_verified: bool = False) -> UserRow:
    """Create an account and return the user.

    The display name defaults to the local part of the email address.
    Raises EmailTaken, and ValidationFailed if the password is too weak.
    """
    password = passwords.normalize(password)
    local_part = email.partition("@")[0]
    display_name = display_name or local_part
    _ensure_strong(password, known=[email, local_part, display_name])
    password_hash = passwords.hash_password(password)
    with transaction():
        user = repository.add_user(
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
    """Authenticate with a password and open a session. Raises InvalidCredentials, AccountDisabled."""
    user = repository.find_user_by_email(policy.email_key(email))
    password_hash = None if user is None else user.password_hash
    if not passwords.matches(password_hash, passwords.normalize(password)) or user is None:
        raise InvalidCredentials
    if user.status != "active":
        raise AccountDisabled
    return open_session(user, methods=["password"], client=client)


def open_session(user: UserRow, *, methods: list[str], client: Client) -> Grant:
    """Open a session for an authenticated user. Every login method must use this function.

    Locks the user's row and rejects the login if the password or the status has changed since `user` was read. An
    operation that ends all of a user's sessions must therefore update that row first, so that a concurrent login
    cannot leave a new session behind. Raises InvalidCredentials.
    """
    settings, at = current_settings(), now()
    with transaction():
        session = repository.add_session(
            user,
            methods=methods,
            idle_until=at + timedelta(seconds=settings.session_idle_timeout_seconds),
            expires_at=at + timedelta(seconds=settings.session_max_age_seconds),
            user_agent=client.user_agent,
            ip_address=client.ip_address,
        )
        if session is None:
            raise InvalidCredentials
    return _grant(session)


def refresh(refresh_token: str) -> Grant:
    """Exchange a refresh token for the next one.

    During the grace period, the previous token can be exchanged again for the same new token, in case the client did
    not receive the response.
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
    """End a session. Its access tokens stop working immediately."""
    with transaction():
        repository.end_session(session_id)


def load_principal(session_id: UUID) -> PrincipalRow | None:
    """Return the principal of a live session whose user is active, or `None`."""
    return repository.find_principal(session_id)


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


def email_key(email: str) -> str:
    """Return the normalized form used to compare email addresses."""
    return policy.email_key(email)


def mark_verified(user_id: UUID) -> UserRow:
    """Record that the user controls the email address of the account, and return the user."""
    with transaction():
        return repository.mark_verified(user_id)


def _rotate(session_id: UUID, generation: int) -> SessionRow:
    settings = current_settings()
    idle_until = now() + timedelta(seconds=settings.session_idle_timeout_seconds)
    advanced = repository.rotate_session(session_id, generation, idle_until=idle_until)
    if advanced is not None:
        return advanced
    session = repository.find_live_session(session_id)
    if session is None:
        raise RefreshTokenInvalid
    grace = timedelta(seconds=settings.refresh_grace_period_seconds)
    # Read the clock only now: the update may have waited for the concurrent request that rotated the session.
    if not policy.may_reuse_refresh_token(
        generation, generation=session.generation, rotated_at=session.rotated_at, at=now(), grace=grace
    ):
        raise RefreshTokenReused
    return session


def _grant(session: SessionRow) -> Grant:
    token = signing.issue(_REFRESH, session.id, session.generation)
    return Grant(session.user_id, session.id, token, min(session.idle_until, session.expires_at))


def _ensure_strong(password: str, *, known: list[str]) -> None:
    weakness = passwords.weakness(password, known=known)
    if weakness:
        raise ValidationFailed(errors=[{"pointer": "/password", "location": "body", "detail": weakness}])
