"""Retention: sessions and unused accounts are purged after the time in the settings, and not before."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from project.blueprints.auth import service
from project.blueprints.auth.models import Session, User
from project.blueprints.auth.service import retention
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from tests.kit.clients.api import Api, success
from tests.kit.fixtures.administrators import promote
from tests.kit.fixtures.users import verify_email

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MONTH = timedelta(days=30)
SetSession = Callable[..., UUID]


@pytest.fixture
def old_session(app: Flask, ada: Api) -> SetSession:
    """Return a function that opens a session of Ada a year ago, with changed columns, and returns its id."""

    def create(**changes: Any) -> UUID:
        session_id = UUID(ada.with_new_session().tokens["session_id"])
        values = {"created_at": now() - timedelta(days=365), "idle_until": now() + MONTH, **changes}
        change(app, Session, session_id, **values)
        return session_id

    return create


def change(app: Flask, model: Any, row_id: UUID, **values: Any) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(update(model).where(model.id == row_id).values(values))


def remaining(app: Flask, model: Any, purge: Callable[[], None]) -> set[UUID]:
    """Purge, and return the ids of the remaining rows."""
    with app.app_context():
        purge()
        with read() as connection:
            return set(connection.scalars(select(model.id)))


@pytest.mark.parametrize("column", ["ended_at", "idle_until", "expires_at"])
def test_session_is_purged_a_month_after_it_is_over(app: Flask, ada: Api, old_session: SetSession, column: str) -> None:
    over, just_over, live = (
        old_session(**{column: now() - MONTH - timedelta(minutes=1)}),
        old_session(**{column: now() - MONTH + timedelta(minutes=1)}),
        old_session(),
    )
    current = UUID(ada.tokens["session_id"])
    assert remaining(app, Session, service.purge_sessions) == {just_over, live, current}
    assert over not in {just_over, live}


def test_all_batches_of_sessions_are_purged(
    app: Flask, ada: Api, old_session: SetSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH_SIZE", 2)
    for _ in range(5):
        old_session(ended_at=now() - timedelta(days=31))
    assert remaining(app, Session, service.purge_sessions) == {UUID(ada.tokens["session_id"])}


def test_only_old_unverified_accounts_that_were_never_used_are_purged(app: Flask, api: Api, ada: Api) -> None:
    unused, recent, verified, admin, disabled = (api.register() for _ in range(5))
    verify_email(app, Api(api.client, user=verified))
    with app.app_context():
        promote(UUID(admin["id"]))
        service.update_access(UUID(disabled["id"]), actor_id=None, versions=None, status="disabled")
    for user in (unused, verified, admin, disabled, ada.user):
        change(app, User, UUID(user["id"]), created_at=now() - MONTH - timedelta(minutes=1))
    change(app, User, UUID(recent["id"]), created_at=now() - MONTH + timedelta(minutes=1))
    kept = {UUID(user["id"]) for user in (recent, verified, admin, disabled, ada.user)}
    assert remaining(app, User, service.purge_unused_accounts) == kept
    assert success(api.post("/auth/register", {"email": unused["email"], "password": "seven unlikely herons"}))
