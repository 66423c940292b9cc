"""Named queries on users and sessions."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, select, update

from project.blueprints.auth.models import Session, User
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.database import current_session, insert_if_absent, read
from project.infrastructure.database.models import UtcDateTime, new_id

_PRINCIPAL = (
    select(Session.id.label("session_id"), Session.user_id, User.role)
    .join(User, User.id == Session.user_id)
    .where(Session.id == bindparam("session_id"), Session.ended_at.is_(None), User.status == "active")
    .where(Session.expires_at > bindparam("at", type_=UtcDateTime()))
    .where(Session.idle_until > bindparam("at", type_=UtcDateTime()))
)
_GRANTED = (
    Session.id,
    Session.user_id,
    Session.generation,
    Session.rotated_at,
    Session.idle_until,
    Session.expires_at,
)
_USER = select(User.__table__).where(User.id == bindparam("user_id"))
_USER_BY_EMAIL = select(User.__table__).where(User.email_key == bindparam("email_key"))


def find_principal(session_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """`session_id user_id role` of a live session of an active user, in one statement."""
    with read() as connection:
        return connection.execute(_PRINCIPAL, {"session_id": session_id, "at": now()}).one_or_none()


def get_user(user_id: UUID) -> Row[Any]:
    """One user. Raises NotFound."""
    with read() as connection:
        user = connection.execute(_USER, {"user_id": user_id}).one_or_none()
    if user is None:
        raise NotFound
    return user


def find_user_by_email(email_key: str) -> Row[*tuple[Any, ...]] | None:
    """The user with this address, if there is one."""
    with read() as connection:
        return connection.execute(_USER_BY_EMAIL, {"email_key": email_key}).one_or_none()


def list_active_ids(after: UUID | None, limit: int) -> list[UUID]:
    """The ids of at most `limit` active users after that one, in their order."""
    active = select(User.id).where(User.status == "active").order_by(User.id).limit(limit)
    with read() as connection:
        return list(connection.scalars(active if after is None else active.where(User.id > after)))


def list_users(user_ids: Iterable[UUID]) -> list[Row[Any]]:
    """The users with these ids, in no order."""
    with read() as connection:
        return list(connection.execute(select(User.__table__).where(User.id.in_(set(user_ids)))))


def add_user(**values: Any) -> User | None:
    """A new user; None when the address is taken."""
    return insert_if_absent(User, values)


def update_profile(user_id: UUID, display_name: str, versions: Collection[int] | None) -> User | None:
    """The user under the new name; None when the row has none of `versions`."""
    renamed = update(User).where(User.id == user_id, User.is_at(versions)).values(display_name=display_name)
    return current_session().scalars(renamed.returning(User).execution_options(populate_existing=True)).one_or_none()


def mark_verified(user_id: UUID) -> None:
    """The address of this user is proved."""
    current_session().execute(update(User).where(User.id == user_id).values(email_verified=True))


def lock_user(user_id: UUID) -> User | None:
    """The user as it is now, not to change until this transaction ends (`FOR SHARE`)."""
    statement = select(User).where(User.id == user_id).with_for_update(read=True)
    return current_session().scalars(statement.execution_options(populate_existing=True)).one_or_none()


def add_session(**values: Any) -> Session:
    """A new session."""
    session = Session(id=new_id(), **values)
    current_session().add(session)
    current_session().flush()
    return session


def rotate(session_id: UUID, generation: int, *, idle_until: datetime) -> Row[*tuple[Any, ...]] | None:
    """Move a live session from `generation` to the next; None when it is not there, or not live."""
    at = now()
    advanced = (
        update(Session)
        .where(Session.id == session_id, Session.generation == generation, *_live(at))
        .values(generation=generation + 1, rotated_at=at, idle_until=idle_until)
        .returning(*_GRANTED)
    )
    return current_session().execute(advanced).one_or_none()


def find_live_session(session_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """What a refresh needs of a session that has not ended."""
    with read() as connection:
        return connection.execute(select(*_GRANTED).where(Session.id == session_id, *_live(now()))).one_or_none()


def end_session(session_id: UUID) -> None:
    """End a session, unless it has ended."""
    ended = update(Session).where(Session.id == session_id, Session.ended_at.is_(None)).values(ended_at=now())
    current_session().execute(ended)


def _live(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return Session.ended_at.is_(None), Session.idle_until > at, Session.expires_at > at
