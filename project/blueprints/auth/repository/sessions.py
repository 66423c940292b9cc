"""Queries on the `sessions` table."""

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import (
    Table,
    Update,
    and_,
    bindparam,
    exists,
    insert,
    or_,
    select,
    update,
)

from project.blueprints.auth.models import (
    OwnSessionRow,
    PrincipalRow,
    ProfileRow,
    Session,
    SessionRow,
    User,
    UserRow,
)
from project.infrastructure.clock import now
from project.infrastructure.database import (
    columns_of,
    current_connection,
    delete_batch,
    fetch_one,
    map_row,
)
from project.infrastructure.database.models import UtcDateTime, new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

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


def find_principal(session_id: UUID) -> PrincipalRow | None:
    """Return the principal of a live session whose user is active, or `None`. Executes one statement."""
    return fetch_one(
        _FIND_PRINCIPAL,
        {"session_id": session_id, "at": now()},
        lambda session_id, used_generation, *user: PrincipalRow(session_id, used_generation, ProfileRow(*user)),
    )


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
    return delete_batch(Session, batch)


def _end_sessions() -> Update:
    return update(Session).where(Session.ended_at.is_(None)).values(ended_at=now())
