"""Login, token refresh and the end of sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from project.blueprints.auth import passwords, policy, repository
from project.blueprints.auth.errors import (
    AccountDisabled,
    EmailNotVerified,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from project.blueprints.auth.models import OwnSessionRow, PrincipalRow, SessionRow, UserRow
from project.blueprints.auth.service import login_attempts
from project.config import current_settings
from project.errors import NotFound
from project.infrastructure import audit, signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page, PageRequest

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
    generation: int
    refresh_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session, as shown to its user. `last_used_at` is the time of the login or of the last refresh."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str
    ip_address: str
    current: bool


def log_in(*, email: str, password: str, client: Client) -> Grant:
    """Authenticate with a password and open a session.

    Raises InvalidCredentials, AccountDisabled, EmailNotVerified, RateLimited.

    Upgrades the hash of the password if it was made with other parameters than those in the settings. A rejected
    password or account is recorded in the audit trail.
    """
    email_key = policy.email_key(email)
    try:
        return _log_in(email_key, passwords.normalize(password), client)
    except (InvalidCredentials, AccountDisabled, EmailNotVerified):
        _record_denied_login(email_key)
        raise


def open_session(user: UserRow, *, methods: list[str], client: Client) -> Grant:
    """Open a session for an authenticated user. Every login method must use this function.

    Locks the user's row and rejects the login if the account is disabled, or if the password has changed since `user`
    was read. An operation that ends all of a user's sessions must therefore update that row first, so that a concurrent
    login cannot leave a new session behind. Raises InvalidCredentials, AccountDisabled.
    """
    settings, at = current_settings(), now()
    with transaction():
        if user.first_login_at is None:
            repository.record_first_login(user.id)
        session = repository.add_session(
            user,
            methods=methods,
            idle_until=at + timedelta(seconds=settings.session_idle_timeout_seconds),
            expires_at=at + timedelta(seconds=settings.session_max_age_seconds),
            user_agent=client.user_agent,
            ip_address=client.ip_address,
        )
        if session is None:
            raise AccountDisabled if repository.has_password(user) else InvalidCredentials
        audit.record("auth.log_in", actor_id=user.id, target=("session", session.id))
    return _grant(session)


def refresh(refresh_token: str) -> Grant:
    """Exchange a refresh token for the next one.

    The previous token can be exchanged again for the same new token, in case the client did not receive the response:
    during the grace period, and until an access token of the new generation is used.
    Raises RefreshTokenInvalid, and RefreshTokenReused after ending the session.
    """
    presented = signing.verify(_REFRESH, refresh_token)
    if presented is None:
        raise RefreshTokenInvalid
    session_id, generation = presented
    with transaction():
        session = _rotate(session_id, generation)
        if session is None:
            raise RefreshTokenInvalid
        is_reused = not _is_successor(session, generation)
        if is_reused:
            _end_reused(session)
    if is_reused:  # raised only now, so that the end of the session is committed
        raise RefreshTokenReused
    return _grant(session)


def log_out(session_id: UUID, *, user_id: UUID) -> None:
    """End a session of a user, unless it has already ended. Its tokens stop working immediately."""
    with transaction():
        if repository.end_session(session_id, user_id=user_id):
            audit.record("auth.log_out", actor_id=user_id, target=("session", session_id))


def list_sessions(user_id: UUID, page: PageRequest, *, current_id: UUID | None) -> Page[SessionView]:
    """Return a page of the live sessions of a user. `current_id` is the one that the user is using."""
    return repository.list_live_sessions(user_id, page).map(lambda session: _view(session, current_id))


def end_session(session_id: UUID, *, user_id: UUID) -> None:
    """End a session of a user as `log_out` does. Raises NotFound if the user has no such session."""
    with transaction():
        if not repository.end_session(session_id, user_id=user_id):
            raise NotFound
        audit.record("auth.end_session", actor_id=user_id, target=("session", session_id))


def end_all_sessions(user_id: UUID) -> None:
    """End all sessions of a user. Their tokens stop working immediately."""
    with transaction():
        repository.end_sessions(user_id)
        audit.record("auth.log_out_everywhere", actor_id=user_id, target=("user", user_id))


def load_principal(session_id: UUID, generation: int) -> PrincipalRow | None:
    """Return the principal of a live session whose user is active, or `None`.

    Records the first use of an access token of this generation, which ends the right to refresh with the previous one.
    """
    principal = repository.find_principal(session_id)
    if principal is None or principal.used_generation >= generation:
        return principal
    with transaction():
        is_first = repository.record_use(session_id, generation)
    # Otherwise, another request has used a token first, or the session has just ended.
    return principal if is_first else repository.find_principal(session_id)


def _log_in(email_key: str, password: str, client: Client) -> Grant:
    user = repository.find_user_by_email(email_key)
    if not login_attempts.is_password_of(user, password, email_key=email_key) or user is None:
        raise InvalidCredentials
    if not user.email_verified and current_settings().registration_mode == "confirm":
        raise EmailNotVerified
    grant = open_session(user, methods=["password"], client=client)
    if passwords.is_outdated(user.password_hash):
        new_hash = passwords.hash_password(password)
        with transaction():
            repository.upgrade_hash(user, new_hash)
    return grant


def _record_denied_login(email_key: str) -> None:
    """Record a denied login. Does the same work for unknown addresses, which are not stored."""
    with transaction():
        user = repository.find_user_by_email(email_key)
        target = None if user is None else ("user", user.id)
        audit.record("auth.log_in", actor_id=None, target=target, outcome="denied")


def _rotate(session_id: UUID, generation: int) -> SessionRow | None:
    """Advance a live session from `generation` to the next one. Returns the session, unchanged if it is at another one.

    Returns `None` if it is not live.
    """
    idle_until = now() + timedelta(seconds=current_settings().session_idle_timeout_seconds)
    advanced = repository.rotate_session(session_id, generation, idle_until=idle_until)
    return advanced or repository.find_live_session(session_id)


def _is_successor(session: SessionRow, presented: int) -> bool:
    """Return whether the current token of a session may replace the one of generation `presented`."""
    return policy.may_reuse_refresh_token(
        presented,
        generation=session.generation,
        used_generation=session.used_generation,
        rotated_at=session.rotated_at,
        # Read the clock only now: the update may have waited for the concurrent request that rotated the session.
        at=now(),
        grace=timedelta(seconds=current_settings().refresh_grace_period_seconds),
    )


def _end_reused(session: SessionRow) -> None:
    """End a session whose replaced refresh token was used again. Raises RefreshTokenInvalid if it has already ended."""
    if not repository.end_session(session.id, user_id=session.user_id):
        raise RefreshTokenInvalid
    target = ("session", session.id)
    audit.record("auth.reuse_refresh_token", actor_id=session.user_id, target=target, outcome="denied")


def _grant(session: SessionRow) -> Grant:
    token = signing.issue(_REFRESH, session.id, session.generation)
    expires_at = min(session.idle_until, session.expires_at)
    return Grant(session.user_id, session.id, session.generation, token, expires_at)


def _view(session: OwnSessionRow, current_id: UUID | None) -> SessionView:
    return SessionView(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.rotated_at,
        expires_at=min(session.idle_until, session.expires_at),
        user_agent=session.user_agent,
        ip_address=session.ip_address,
        current=session.id == current_id,
    )
