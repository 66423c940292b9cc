"""Queries on the `users`, `sessions` and `admin_count` tables."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Executable,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from project.blueprints.auth.errors import EmailTaken
from project.blueprints.auth.models import (
    AdminCount,
    OwnSessionRow,
    PrincipalRow,
    ProfileRow,
    Session,
    SessionRow,
    User,
    UserRow,
)
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.database import (
    columns_of,
    current_connection,
    fetch_one,
    insert_if_absent,
    lock_batch,
    map_row,
    read,
)
from project.infrastructure.database.models import UtcDateTime, new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

_USER = columns_of(UserRow, User)
_SESSION = columns_of(SessionRow, Session)
_SESSIONS = cast(Table, Session.__table__)
_AT = bindparam("at", type_=UtcDateTime())
_IS_LIVE = and_(
    _SESSIONS.c.id == bindparam("session_id"),
    _SESSIONS.c.ended_at.is_(None),
    _SESSIONS.c.expires_at > _AT,
    _SESSIONS.c.idle_until > _AT,
)
_FIND_PRINCIPAL = (
    select(Session.id, Session.used_generation, *columns_of(ProfileRow, User))
    .join(User, User.id == Session.user_id)
    .where(_IS_LIVE, User.status == "active")
)
_HAS_ACTIVE_USER = exists().where(User.id == _SESSIONS.c.user_id, User.status == "active")
_FIND_LIVE_SESSION = select(*_SESSION).where(_IS_LIVE, _HAS_ACTIVE_USER)
_RECORD_USE = (
    update(_SESSIONS)
    .where(
        _SESSIONS.c.id == bindparam("session_id"),
        _SESSIONS.c.ended_at.is_(None),
        _SESSIONS.c.used_generation < bindparam("used"),
    )
    .values(used_generation=bindparam("used"))
    .returning(_SESSIONS.c.id)
)
_GIVEN = ("id", "created_at", "rotated_at", "methods", "idle_until", "expires_at", "user_agent", "ip_address")
_UNCHANGED_USER = (
    select(User.id, *(bindparam(name, type_=_SESSIONS.c[name].type) for name in _GIVEN))
    .where(
        User.id == bindparam("user_id"),
        User.password_version == bindparam("password_version"),
        User.status == "active",
    )
    .with_for_update(read=True)
)
_ADD_SESSION = insert(_SESSIONS).from_select(["user_id", *_GIVEN], _UNCHANGED_USER).returning(*_SESSION)
_ROTATE_SESSION = (
    update(_SESSIONS)
    .where(_IS_LIVE, _HAS_ACTIVE_USER, _SESSIONS.c.generation == bindparam("generation"))
    .values(generation=_SESSIONS.c.generation + 1, rotated_at=_AT, idle_until=bindparam("idle_until"))
    .returning(*_SESSION)
)
_OWN_SESSIONS = select(*columns_of(OwnSessionRow, Session)).where(Session.ended_at.is_(None))
_FIND_USER = select(*_USER).where(User.id == bindparam("user_id"))
_LOCK_USER = _FIND_USER.with_for_update(key_share=True)
_FIND_USER_BY_EMAIL = select(*_USER).where(User.email_key == bindparam("email_key"))
_PROFILES = select(*columns_of(ProfileRow, User))


def find_principal(session_id: UUID) -> PrincipalRow | None:
    """Return the principal of a live session whose user is active, or `None`. Executes one statement."""
    return fetch_one(
        _FIND_PRINCIPAL,
        {"session_id": session_id, "at": now()},
        lambda session_id, used_generation, *user: PrincipalRow(session_id, used_generation, ProfileRow(*user)),
    )


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
    """Return a page of all users, or of those whose columns have the values in `filters`."""
    within: dict[Any, str] = {getattr(User, name): value for name, value in filters.items()}
    return select_page(_PROFILES, User.id, page, within, ProfileRow)


def list_users(user_ids: Iterable[UUID]) -> list[UserRow]:
    """Return the users with these ids, in no particular order."""
    with read() as connection:
        return [UserRow(*row) for row in connection.execute(select(*_USER).where(User.id.in_(set(user_ids))))]


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
    return map_row(insert_if_absent(User, values, returning=_USER), UserRow)


def update_user(user_id: UUID, *, versions: Collection[int] | None, **changes: object) -> UserRow | None:
    """Set the columns in `changes` and return the user, or `None` if the user's version is not in `versions`."""
    return _update_user(update(User).where(User.id == user_id, User.is_at(versions)).values(**changes))


def increment_admins() -> None:
    """Count another active admin."""
    increased = update(AdminCount).values(active_admins=AdminCount.active_admins + 1)
    current_connection().execute(increased.returning(AdminCount.id)).one()


def decrement_admins() -> bool:
    """Count one active admin less. Returns False if only one is left."""
    decreased = update(AdminCount).where(AdminCount.active_admins > 1)
    changed = decreased.values(active_admins=AdminCount.active_admins - 1).returning(AdminCount.id)
    return current_connection().execute(changed).first() is not None


def change_password(user: UserRow, password_hash: str) -> bool:
    """Set the password of a user, and invalidate the reset token. Returns False if the password has changed since
    `user` was read.
    """
    values = {**_new_password(password_hash), **User.unchanged()}
    changed = update(User).where(User.id == user.id, User.password_version == user.password_version).values(values)
    return current_connection().execute(changed.returning(User.id)).first() is not None


def upgrade_hash(user: UserRow, password_hash: str) -> None:
    """Replace the hash of the same password, unless it has changed since `user` was read."""
    upgraded = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
    current_connection().execute(upgraded.values(password_hash=password_hash, **User.unchanged()))


def mark_verified(user_id: UUID) -> UserRow:
    """Mark the email address of a user as verified, and return the user."""
    verified = update(User).where(User.id == user_id).values(email_verified=True).returning(*_USER)
    return UserRow(*current_connection().execute(verified).one())


def issue_email_token(user_id: UUID) -> UserRow | None:
    """Issue a new token for the address that an active user has yet to confirm, and return the user.

    Returns `None` if there is no such address.
    """
    unconfirmed = update(User).where(
        User.id == user_id,
        User.status == "active",
        or_(User.email_verified.is_(False), User.pending_email.is_not(None)),
    )
    return _update_user(unconfirmed.values(**_next_email_token(now()), **User.unchanged()))


def set_pending_email(user: UserRow, *, email: str, email_key: str) -> UserRow | None:
    """Set the address that `user` has yet to confirm, issue a token for it, and return the user.

    Returns `None` if the password has changed since `user` was read.
    """
    changed = update(User).where(User.id == user.id, User.password_version == user.password_version)
    values = {"pending_email": email, "pending_email_key": email_key, **_next_email_token(now()), **User.unchanged()}
    return _update_user(changed.values(values))


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
        return _update_user(confirmed)
    except IntegrityError as error:
        raise EmailTaken from error


def claim_with_email_token(user: UserRow, password_hash: str) -> UserRow | None:
    """Give an account to the owner of its address, who sets a new password, and return the user.

    Returns `None` if the email token has changed since `user` was read, or confirms the change to another address.
    """
    own_address = _with_email_token_of(user).where(User.pending_email.is_(None))
    return _update_user(own_address.values(_proved_owner(password_hash)))


def claim_with_reset_token(user: UserRow, password_hash: str) -> UserRow | None:
    """Set the password of an active user, whose address is thereby verified, and return the user.

    Returns `None` if the reset token has changed since `user` was read.
    """
    unchanged = update(User).where(
        User.id == user.id, User.status == "active", User.reset_token_version == user.reset_token_version
    )
    return _update_user(unchanged.values(_proved_owner(password_hash)))


def claim_unverified(email_key: str, password_hash: str, *, display_name: str) -> UserRow | None:
    """Give an active account, whose address is not verified, to the owner of the address, and return the user.

    Returns `None` if there is no such account.
    """
    unverified = update(User).where(
        User.email_key == email_key, User.email_verified.is_(False), User.status == "active"
    )
    return _update_user(unverified.values(display_name=display_name, **_proved_owner(password_hash)))


def issue_reset_token(email_key: str, requested_at: datetime) -> UserRow | None:
    """Issue a reset token to the active user with this address, and return the user.

    Returns `None` if there is no such user, or if a token was already issued for this request or a later one.
    """
    return _update_user(_with_next_reset_token(email_key, requested_at))


def issue_reset_token_to_unverified(email_key: str, requested_at: datetime) -> UserRow | None:
    """Issue a reset token as `issue_reset_token` does, to a user whose address is not verified.

    The token that confirms the address becomes invalid.
    """
    issued = _with_next_reset_token(email_key, requested_at).where(User.email_verified.is_(False))
    return _update_user(issued.values(email_token_version=User.email_token_version + 1))


def _update_user(statement: Update) -> UserRow | None:
    return map_row(current_connection().execute(statement.returning(*_USER)).one_or_none(), UserRow)


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


def add_session(
    user: UserRow,
    *,
    methods: list[str],
    idle_until: datetime,
    expires_at: datetime,
    user_agent: str,
    ip_address: str,
) -> SessionRow | None:
    """Insert a session of `user` and return it, or `None` if the password has changed or the user is not active.

    Locks the user's row against changes until the transaction ends (`FOR SHARE`).
    """
    at = now()
    values = {
        "id": new_id(),
        "created_at": at,
        "rotated_at": at,
        "user_id": user.id,
        "password_version": user.password_version,
        "methods": methods,
        "idle_until": idle_until,
        "expires_at": expires_at,
        "user_agent": user_agent,
        "ip_address": ip_address,
    }
    return map_row(current_connection().execute(_ADD_SESSION, values).one_or_none(), SessionRow)


def record_first_login(user_id: UUID) -> None:
    """Record that a user logs in, unless it has been recorded."""
    first = update(User).where(User.id == user_id, User.first_login_at.is_(None))
    current_connection().execute(first.values(first_login_at=now(), **User.unchanged()))


def rotate_session(session_id: UUID, generation: int, *, idle_until: datetime) -> SessionRow | None:
    """Advance a live session from `generation` to the next one.

    Returns the session, or `None` if it is not live, not at `generation`, or its user is not active.
    """
    values = {"session_id": session_id, "generation": generation, "at": now(), "idle_until": idle_until}
    return map_row(current_connection().execute(_ROTATE_SESSION, values).one_or_none(), SessionRow)


def record_use(session_id: UUID, generation: int) -> bool:
    """Record that an access token of this generation is used.

    Returns False if the session has ended, or if the use of this generation or a newer one has been recorded.
    """
    values = {"session_id": session_id, "used": generation}
    return current_connection().execute(_RECORD_USE, values).first() is not None


def has_password(user: UserRow) -> bool:
    """Return whether the password of a user is the one that the user had when `user` was read."""
    unchanged = select(User.id).where(User.id == user.id, User.password_version == user.password_version)
    with read() as connection:
        return connection.execute(unchanged).first() is not None


def find_live_session(session_id: UUID) -> SessionRow | None:
    """Return a session that has neither ended nor expired, and whose user is active, or `None`."""
    return fetch_one(_FIND_LIVE_SESSION, {"session_id": session_id, "at": now()}, SessionRow)


def list_live_sessions(user_id: UUID, page: PageRequest) -> Page[OwnSessionRow]:
    """Return a page of the sessions of a user that have neither ended nor expired."""
    at = now()
    live = _OWN_SESSIONS.where(Session.expires_at > at, Session.idle_until > at)
    return select_page(live, Session.id, page, {Session.user_id: user_id}, OwnSessionRow)


def end_session(session_id: UUID, *, user_id: UUID) -> bool:
    """End a session of a user. Returns False if the user has no such session, or it has already ended."""
    ended = _end_sessions().where(Session.id == session_id, Session.user_id == user_id)
    return current_connection().execute(ended.returning(Session.id)).first() is not None


def end_sessions(user_id: UUID, *, except_id: UUID | None = None) -> None:
    """End all sessions of a user, apart from the one with the id `except_id`."""
    current_connection().execute(_end_sessions().where(Session.user_id == user_id, Session.id != except_id))


def purge_sessions(before: datetime, limit: int) -> int:
    """Delete up to `limit` sessions that ended or expired before this time. Returns their number."""
    is_over = or_(Session.ended_at < before, Session.expires_at < before, Session.idle_until < before)
    # The ids of sessions are in the order of creation, so this reads only sessions that are old enough.
    batch = select(Session.id).where(Session.created_at < before, is_over).order_by(Session.id).limit(limit)
    return _purge(Session, batch)


def purge_unused_users(before: datetime, limit: int) -> int:
    """Delete up to `limit` unverified users, but no admins, who registered before this time and never logged in."""
    is_unused = and_(User.email_verified.is_(False), User.first_login_at.is_(None), User.role == "user")
    batch = select(User.id).where(User.created_at < before, is_unused).order_by(User.id).limit(limit)
    return _purge(User, batch)


def _purge(model: type[Session | User], batch: Select[UUID]) -> int:
    statement = delete(model).where(model.id.in_(lock_batch(batch, skip_locked=False))).returning(model.id)
    return len(current_connection().execute(statement).all())


def _end_sessions() -> Update:
    return update(Session).where(Session.ended_at.is_(None)).values(ended_at=now())


def _get_user(statement: Executable, user_id: UUID) -> UserRow:
    user = fetch_one(statement, {"user_id": user_id}, UserRow)
    if user is None:
        raise NotFound
    return user
