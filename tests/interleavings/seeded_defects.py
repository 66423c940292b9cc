"""Seeded defects: operations that read, decide and then write, instead of having the condition in the write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import (
    Connection,
    Delete,
    Engine,
    Row,
    UniqueConstraint,
    Update,
    and_,
    bindparam,
    event,
    insert,
    or_,
    select,
)

from project.blueprints.auth import repository as auth
from project.blueprints.auth.models import Session, User
from project.blueprints.auth.repository import sessions, users
from project.blueprints.files import repository as files
from project.blueprints.invitations import repository as invitations
from project.blueprints.invitations import service as invitation_service
from project.blueprints.organizations import repository as organizations
from project.infrastructure import jobs
from project.infrastructure.database import current_connection

Defect = Callable[[pytest.MonkeyPatch], None]
_selects_first: ContextVar[bool] = ContextVar("selects_first", default=False)


def select_first(module: Any, name: str) -> Defect:
    """Return a defect: a function selects the rows that match its conditions, and then writes to them by id only."""
    original = getattr(module, name)

    def naive(*arguments: Any, **options: Any) -> Any:
        token = _selects_first.set(True)
        try:
            return original(*arguments, **options)
        finally:
            _selects_first.reset(token)

    return lambda patch: patch.setattr(module, name, naive)


def look_up_first(module: Any) -> Defect:
    """Return a defect: a repository looks for a row with the same unique values, and inserts a row if there is none."""
    return lambda patch: patch.setattr(module, "insert_if_absent", _insert_unless_found)


def check_membership_first(patch: pytest.MonkeyPatch) -> None:
    """Seed a defect: an invitation is inserted after the check that its address does not belong to a member."""
    ensure_not_a_member, expire_overdue = invitation_service._ensure_not_a_member, invitations.expire_overdue

    def expire_and_check(organization_id: Any, email: str) -> None:
        expire_overdue(organization_id, email)
        ensure_not_a_member(organization_id, email)

    patch.setattr(invitations, "expire_overdue", expire_and_check)
    patch.setattr(invitation_service, "_ensure_not_a_member", lambda *_arguments: None)


def open_session_of_any_user(patch: pytest.MonkeyPatch) -> None:
    """Seed a defect: a login does not check the user again when it inserts the session."""
    any_user = select(*sessions._UNCHANGED_USER.selected_columns).where(User.id == bindparam("user_id"))
    add_session = insert(Session).from_select(["user_id", *sessions._GIVEN], any_user).returning(*sessions._SESSION)
    patch.setattr(sessions, "_ADD_SESSION", add_session)


def do_not_lock_users(patch: pytest.MonkeyPatch) -> None:
    """Seed a defect: an admin is not locked while it is counted."""
    patch.setattr(auth, "lock_user", auth.get_user)


# The defective operation, the operation that reveals the defect, and the defect.
DEFECTS: list[tuple[str, str, Defect]] = [
    ("accept_invitation", "expire_invitations", select_first(invitations, "accept")),
    ("change_password", "change_password", select_first(auth, "change_password")),
    ("claim", "claim", select_first(jobs, "claim")),
    ("create_organization", "create_organization", look_up_first(organizations)),
    ("delete_file", "delete_file", select_first(files, "trash_file")),
    ("demote_admin", "demote_other_admin", select_first(auth, "decrement_admins")),
    ("disable_admin", "demote_admin", do_not_lock_users),
    ("finish", "claim", select_first(jobs, "finish")),
    ("invite_guest_again", "accept_invitation", check_membership_first),
    ("log_in", "change_password", open_session_of_any_user),
    ("purge_job", "retry_job", select_first(jobs, "delete_job")),
    ("refresh", "refresh", select_first(auth, "rotate_session")),
    ("register", "register", look_up_first(users)),
    ("release", "claim", select_first(jobs, "release")),
    ("rename_file", "rename_file", select_first(files, "update_file")),
    ("retry_job", "retry_job", select_first(jobs, "retry_job")),
    ("update_me", "update_me", select_first(auth, "update_user")),
    ("use_access_token", "end_session", select_first(auth, "record_use")),
    ("log_out", "log_out", select_first(auth, "end_session")),
]
# If two logins record the first login of a user, the time that is stored is always that of one of them.
OUT_OF_REACH = ("log_in_to_unused_account", "log_in_to_unused_account", select_first(auth, "record_first_login"))


@contextmanager
def seeded(defect: Defect) -> Iterator[None]:
    """Seed a defect."""
    event.listen(Engine, "before_execute", _select_before_write, retval=True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            defect(patch)
            yield
    finally:
        event.remove(Engine, "before_execute", _select_before_write)


def _select_before_write(
    connection: Connection, statement: Any, many: Any, values: Mapping[str, Any], _options: Any
) -> tuple[Any, Any, Any]:
    if not _selects_first.get() or not isinstance(statement, (Update, Delete)):
        return statement, many, values
    token = _selects_first.set(False)
    try:
        key, condition = statement.table.c.id, statement.whereclause
        ids = connection.scalars(select(key).where(condition), values).all()
    finally:
        _selects_first.reset(token)
    changed = statement._clone()
    # The condition is kept for its parameters, but is always true.
    changed._where_criteria = (key.in_(ids), or_(key == key, condition))
    return changed, many, values


def _insert_unless_found(model: Any, values: Mapping[str, Any], *, returning: Sequence[Any] = ()) -> Row[Any] | None:
    table, connection = model.__table__, current_connection()
    unique = [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    same = or_(*(and_(*(column == values[column.name] for column in columns)) for columns in unique))
    if connection.execute(select(table.c.id).where(same)).first() is not None:
        return None
    return connection.execute(insert(table).values(values).returning(*returning or table.primary_key)).one()
