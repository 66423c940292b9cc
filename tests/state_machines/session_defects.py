"""Seeded defects: rules about sessions that are missing or wrong. `test_session.py` must find each of them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import bindparam

from project.blueprints.auth import policy, repository
from project.blueprints.auth.errors import RefreshTokenReused
from project.blueprints.auth.repository import sessions as queries
from project.blueprints.auth.service import sessions

Defect = Callable[[pytest.MonkeyPatch], None]
_is_successor = sessions._is_successor


def accept_the_previous_token(condition: Callable[..., bool]) -> Defect:
    """Return a defect: a replaced token is accepted under this condition instead of that of the policy."""

    def may_reuse(presented: int, **session: Any) -> bool:
        return condition(**session | {"replaced": session["generation"] - presented})

    return lambda patch: patch.setattr(policy, "may_reuse_refresh_token", may_reuse)


def rotate_with(**values: Any) -> Defect:
    """Return a defect: a refresh also sets these columns."""
    statement = queries._ROTATE_SESSION.values(values)
    return lambda patch: patch.setattr(queries, "_ROTATE_SESSION", statement)


def keep_reused_session(patch: pytest.MonkeyPatch) -> None:
    """Seed a defect: the error about a reused token is raised before the end of the session is committed."""

    def ensure_successor(*arguments: Any) -> bool:
        if not _is_successor(*arguments):
            raise RefreshTokenReused
        return True

    patch.setattr(sessions, "_is_successor", ensure_successor)


def keep_sessions(patch: pytest.MonkeyPatch) -> None:
    """Seed a defect: a password change, a reset and other operations do not end all sessions."""
    patch.setattr(repository, "end_sessions", lambda *_arguments, **_options: None)


def forget_use(patch: pytest.MonkeyPatch) -> None:
    """Seed a defect: the use of an access token is not recorded."""
    patch.setattr(repository, "record_use", lambda *_arguments: True)


DEFECTS: dict[str, Defect] = {
    "unlimited-grace-period": accept_the_previous_token(lambda replaced, **_: replaced == 1),
    "lost-response-ends-session": accept_the_previous_token(
        lambda replaced, at, rotated_at, grace, **_: replaced == 1 and at - rotated_at <= grace
    ),
    "no-grace-period-after-use": accept_the_previous_token(
        lambda replaced, used_generation, generation, **_: replaced == 1 and used_generation < generation
    ),
    "older-token-accepted-in-grace-period": accept_the_previous_token(
        lambda at, rotated_at, grace, **_: at - rotated_at <= grace
    ),
    "use-not-recorded": forget_use,
    "reuse-does-not-end-session": keep_reused_session,
    "idle-timeout-not-extended": rotate_with(idle_until=queries._SESSIONS.c.idle_until),
    "maximum-age-extended": rotate_with(expires_at=bindparam("idle_until")),
    "sessions-not-ended": keep_sessions,
}
