"""The sessions of a user: listing them, ending one of them, and ending all of them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import update

from project.blueprints.auth.models import Session
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from tests.kit.clients.api import PASSWORD, Api, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user()


def refresh(api: Api) -> object:
    """Send a refresh request with the first refresh token of the session."""
    return api.post("/auth/refresh", {"refresh_token": api.tokens["refresh_token"]})


def listed_ids(api: Api) -> list[str]:
    """Return the ids of the listed sessions."""
    return [session["id"] for session in success(api.get("/auth/sessions"))["items"]]


def test_logout_revokes_access_and_refresh_tokens(ada: Api) -> None:
    assert ada.post("/auth/logout").status_code == 204
    problem(ada.get("/auth/me"), 401, "token-revoked")
    problem(refresh(ada), 401, "refresh-token-invalid")


@ON_SQLITE
def test_refresh_returns_new_tokens_for_the_same_session(ada: Api) -> None:
    pair = success(refresh(ada))
    assert pair["session_id"] == ada.tokens["session_id"]
    assert pair["refresh_token"] != ada.tokens["refresh_token"]


def test_sessions_are_listed_newest_first_and_only_to_their_user(api: Api, ada: Api) -> None:
    api.as_new_user()
    other = ada.with_new_session()
    assert listed_ids(ada) == [other.tokens["session_id"], ada.tokens["session_id"]]


@ON_SQLITE
def test_listed_session_describes_its_client(api: Api, ada: Api) -> None:
    credentials = {"email": ada.user["email"], "password": PASSWORD}
    headers = {"User-Agent": "Phone\t\u0085 1.0" + "x" * 300}
    pair = success(api.post("/auth/login", credentials, headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.7"}))
    phone, laptop = success(ada.get("/auth/sessions"))["items"]
    assert phone["id"] == pair["session_id"]
    assert phone["user_agent"].startswith("Phone 1.0x")
    assert len(phone["user_agent"]) == 255
    assert (phone["ip_address"], phone["current"], laptop["current"]) == ("203.0.113.7", False, True)


@ON_SQLITE
def test_refresh_updates_the_time_of_last_use_and_the_expiry(ada: Api) -> None:
    (before,) = success(ada.get("/auth/sessions"))["items"]
    success(refresh(ada))
    (after,) = success(ada.get("/auth/sessions"))["items"]
    assert after["last_used_at"] > before["last_used_at"] >= before["created_at"] == after["created_at"]
    assert after["expires_at"] > before["expires_at"]


@pytest.mark.parametrize("limit", ["idle_until", "expires_at"])
def test_expired_session_is_not_listed(app: Flask, ada: Api, limit: str) -> None:
    expired = ada.with_new_session().tokens["session_id"]
    with app.app_context(), transaction() as connection:
        values = {limit: now() - timedelta(seconds=1)}
        connection.execute(update(Session).where(Session.id == UUID(expired)).values(**values))
    assert listed_ids(ada) == [ada.tokens["session_id"]]


@ON_SQLITE
def test_session_expires_at_the_earlier_of_its_limits(app: Flask, ada: Api) -> None:
    at = now() + timedelta(days=1)
    with app.app_context(), transaction() as connection:
        connection.execute(update(Session).values(idle_until=at + timedelta(seconds=1), expires_at=at))
    (session,) = success(ada.get("/auth/sessions"))["items"]
    assert session["expires_at"] == at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_ended_session_is_revoked_and_no_longer_listed(ada: Api) -> None:
    phone = ada.with_new_session()
    session_id = phone.tokens["session_id"]
    assert ada.delete(f"/auth/sessions/{session_id}").status_code == 204
    problem(phone.get("/auth/me"), 401, "token-revoked")
    problem(refresh(phone), 401, "refresh-token-invalid")
    assert listed_ids(ada) == [ada.tokens["session_id"]]
    problem(ada.delete(f"/auth/sessions/{session_id}"), 404, "not-found")


def test_session_of_another_user_cannot_be_ended(api: Api, ada: Api) -> None:
    grace = api.as_new_user()
    problem(ada.delete(f"/auth/sessions/{grace.tokens['session_id']}"), 404, "not-found")
    problem(ada.delete(f"/auth/sessions/{uuid4()}"), 404, "not-found")
    assert listed_ids(grace) == [grace.tokens["session_id"]]


def test_current_session_can_be_ended_by_id(ada: Api) -> None:
    assert ada.delete(f"/auth/sessions/{ada.tokens['session_id']}").status_code == 204
    problem(ada.get("/auth/me"), 401, "token-revoked")


def test_logging_out_everywhere_ends_all_sessions_of_the_user_only(api: Api, ada: Api) -> None:
    grace, phone = api.as_new_user(), ada.with_new_session()
    assert ada.post("/auth/logout-all").status_code == 204
    for session in (ada, phone):
        problem(session.get("/auth/me"), 401, "token-revoked")
        problem(refresh(session), 401, "refresh-token-invalid")
    assert success(grace.get("/auth/me"))["id"] == grace.user["id"]
