"""Refreshing: each token once, an answer that was lost again, and whatever is older ends the session."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from project.blueprints.auth.models import Session
from project.infrastructure import signing
from project.infrastructure.database import read, transaction
from tests.kit.clients.api import Api, created, problem

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORMS = ["{0}.{1}.{2}x", "{0}.{1}", "{0}.{1}.", "{0}.0{1}.{2}", " {0}.{1}.{2}", "{0}.+{1}.{2}", "{0}.-1.{2}"]
UNKNOWN = "70bd841e0ecc46c39d3954f64a5578cd"
GARBAGE = ["x", ".", "..", "...", "é.1.x", "x" * 4096, "\u0000", f"{UNKNOWN}.{'9' * 400}.x", f"{UNKNOWN}.²..x"]
SetSession = Callable[..., None]


def refresh(api: Api, token: str) -> Any:
    return api.post("/auth/refresh", {"refresh_token": token})


def next_of(api: Api, token: str) -> str:
    """The token that replaces this one."""
    return str(created(refresh(api, token))["refresh_token"])


@pytest.fixture
def ada(api: Api) -> Api:
    return api.signed_in()


@pytest.fixture
def first(ada: Api) -> str:
    """Her refresh token."""
    return str(ada.tokens["refresh_token"])


@pytest.fixture
def set_session(app: Flask) -> SetSession:
    """Changes every session's row: a time given in seconds from now."""

    def change(**seconds: float) -> None:
        values = {name: datetime.now(UTC) + timedelta(seconds=value) for name, value in seconds.items()}
        with app.app_context(), transaction() as session:
            session.execute(update(Session).values(**values))

    return change


def test_each_refresh_answers_tokens_that_work(ada: Api, first: str) -> None:
    pair = created(refresh(ada, first))
    answer = ada.get("/auth/me", headers={"Authorization": f"Bearer {pair['access_token']}"})
    assert created(answer)["id"] == ada.user["id"]
    assert next_of(ada, pair["refresh_token"]) not in (first, pair["refresh_token"])


def test_lost_answer_is_answered_again(ada: Api, first: str) -> None:
    second = next_of(ada, first)
    assert next_of(ada, first) == second
    assert next_of(ada, second) not in (first, second)


@pytest.mark.parametrize("seconds", [-9, 0])
@ON_SQLITE
def test_replaced_token_is_answered_within_the_grace(
    ada: Api, first: str, set_session: SetSession, seconds: int
) -> None:
    second = next_of(ada, first)
    set_session(rotated_at=seconds)
    assert next_of(ada, first) == second


@pytest.mark.parametrize("seconds", [-11, -3600, 60])
def test_replaced_token_ends_the_session_outside_the_grace(
    ada: Api, first: str, set_session: SetSession, seconds: int
) -> None:
    second = next_of(ada, first)
    set_session(rotated_at=seconds)
    problem(refresh(ada, first), 401, "refresh-token-reused")
    problem(refresh(ada, second), 401, "refresh-token-invalid")
    problem(ada.get("/auth/me"), 401, "token-revoked")


def test_token_before_the_replaced_one_ends_the_session_even_within_the_grace(ada: Api, first: str) -> None:
    third = next_of(ada, next_of(ada, first))
    problem(refresh(ada, first), 401, "refresh-token-reused")
    problem(refresh(ada, third), 401, "refresh-token-invalid")


def test_reuse_ends_one_session_only(ada: Api, first: str) -> None:
    other = ada.signed_in_again()
    next_of(ada, next_of(ada, first))
    problem(refresh(ada, first), 401, "refresh-token-reused")
    assert other.get("/auth/me").status_code == 200


def test_end_of_a_reused_session_is_committed(app: Flask, ada: Api, first: str) -> None:
    next_of(ada, next_of(ada, first))
    refresh(ada, first)
    with app.app_context(), read() as connection:
        assert connection.scalar(select(Session.ended_at)) is not None


def test_token_of_an_ended_session_is_invalid_and_not_reused(ada: Api, first: str) -> None:
    next_of(ada, next_of(ada, first))
    problem(refresh(ada, first), 401, "refresh-token-reused")
    problem(refresh(ada, first), 401, "refresh-token-invalid")


@ON_SQLITE
def test_token_altered_anywhere_is_invalid_and_ends_nothing(ada: Api, first: str) -> None:
    next_of(ada, next_of(ada, first))
    for index, character in enumerate(first):
        altered = first[:index] + ("A" if character != "A" else "B") + first[index + 1 :]
        problem(refresh(ada, altered), 401, "refresh-token-invalid")
    assert ada.get("/auth/me").status_code == 200


@ON_SQLITE
@pytest.mark.parametrize("form", FORMS)
def test_token_spelled_otherwise_is_invalid(ada: Api, first: str, form: str) -> None:
    problem(refresh(ada, form.format(*first.split("."))), 401, "refresh-token-invalid")


@ON_SQLITE
@pytest.mark.parametrize("token", GARBAGE, ids=ascii)
def test_garbage_is_invalid(ada: Api, token: str) -> None:
    problem(refresh(ada, token), 401, "refresh-token-invalid")


@ON_SQLITE
@pytest.mark.parametrize("purpose", ["invitation", "cursor", "refresh", ""])
def test_token_minted_for_another_purpose_is_invalid(app: Flask, ada: Api, purpose: str) -> None:
    with app.app_context():
        token = signing.issue(purpose, UUID(ada.tokens["session_id"]), 1)
    problem(refresh(ada, token), 401, "refresh-token-invalid")


@ON_SQLITE
def test_token_of_a_session_that_never_was_is_invalid(app: Flask, ada: Api) -> None:
    with app.app_context():
        token = signing.issue("refresh-token", uuid4(), 1)
    problem(refresh(ada, token), 401, "refresh-token-invalid")


@ON_SQLITE
def test_access_token_refreshes_nothing(ada: Api) -> None:
    problem(refresh(ada, ada.tokens["access_token"]), 401, "refresh-token-invalid")


@pytest.mark.parametrize("limit", ["idle_until", "expires_at"])
def test_session_past_its_time_is_over(ada: Api, first: str, set_session: SetSession, limit: str) -> None:
    set_session(**{limit: -1})
    problem(refresh(ada, first), 401, "refresh-token-invalid")
    problem(ada.get("/auth/me"), 401, "token-revoked")


@ON_SQLITE
def test_each_refresh_puts_the_idle_end_off_but_never_past_the_absolute_one(
    ada: Api, first: str, set_session: SetSession
) -> None:
    set_session(idle_until=100, expires_at=5000)
    pair = created(refresh(ada, first))
    assert 4990 <= pair["refresh_expires_in"] <= 5000
    set_session(idle_until=-1)
    problem(refresh(ada, pair["refresh_token"]), 401, "refresh-token-invalid")


@ON_SQLITE
def test_no_table_grows_with_the_number_of_refreshes(app: Flask, ada: Api, first: str) -> None:
    token = first
    for _ in range(5):
        token = next_of(ada, token)
    with app.app_context(), read() as connection:
        assert connection.scalar(select(func.count()).select_from(Session)) == 1


@ON_SQLITE
def test_token_survives_a_new_secret_key_as_long_as_the_old_one_is_listed(app: Flask, ada: Api, first: str) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"secret_key": ("n" * 32, *settings.secret_key)})
    second = next_of(ada, first)
    app.extensions["settings"] = settings.model_copy(update={"secret_key": ("n" * 32,)})
    assert next_of(ada, second) != second
    problem(refresh(ada, first), 401, "refresh-token-invalid")
