"""Token refresh: rotation, the grace period for lost responses, and reuse detection."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from project.blueprints.auth.models import Session
from project.blueprints.auth.policy import may_reuse_refresh_token
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from tests.kit.clients.api import Api, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALTERED_FORMATS = ["{0}.{1}.{2}x", "{0}.{1}", "{0}.{1}.", "{0}.0{1}.{2}", " {0}.{1}.{2}", "{0}.+{1}.{2}", "{0}.-1.{2}"]
UNKNOWN = "70bd841e0ecc46c39d3954f64a5578cd"
MALFORMED = ["x", ".", "..", "...", "é.1.x", "x" * 4096, "\u0000", f"{UNKNOWN}.{'9' * 400}.x", f"{UNKNOWN}.²..x"]
SetSession = Callable[..., None]


def refresh(api: Api, token: str) -> Any:
    return api.post("/auth/refresh", {"refresh_token": token})


def rotate(api: Api, token: str) -> str:
    """Refresh the tokens and return the new refresh token."""
    return str(success(refresh(api, token))["refresh_token"])


def get_me(api: Api, pair: dict[str, Any]) -> Any:
    """Send a request with the access token of a token pair."""
    return api.get("/auth/me", headers={"Authorization": f"Bearer {pair['access_token']}"})


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user()


@pytest.fixture
def first_token(ada: Api) -> str:
    """Ada's initial refresh token."""
    return str(ada.tokens["refresh_token"])


@pytest.fixture
def set_session(app: Flask) -> SetSession:
    """Return a function that sets timestamp columns of all sessions to times given in seconds from now."""

    def change(**seconds: float) -> None:
        values = {name: datetime.now(UTC) + timedelta(seconds=value) for name, value in seconds.items()}
        with app.app_context(), transaction() as connection:
            connection.execute(update(Session).values(**values))

    return change


def test_refresh_returns_working_tokens(ada: Api, first_token: str) -> None:
    pair = success(refresh(ada, first_token))
    assert success(get_me(ada, pair))["id"] == ada.user["id"]
    assert rotate(ada, pair["refresh_token"]) not in (first_token, pair["refresh_token"])


def test_retry_after_lost_response_returns_same_token(ada: Api, first_token: str) -> None:
    second_token = rotate(ada, first_token)
    assert rotate(ada, first_token) == second_token
    assert rotate(ada, second_token) not in (first_token, second_token)


@pytest.mark.parametrize("seconds", [-9, 0])
@ON_SQLITE
def test_replaced_token_is_accepted_within_grace_period(
    ada: Api, first_token: str, set_session: SetSession, seconds: int
) -> None:
    second_token = rotate(ada, first_token)
    set_session(rotated_at=seconds)
    assert rotate(ada, first_token) == second_token


@pytest.mark.parametrize("seconds", [-11, -3600, 60])
def test_reusing_replaced_token_outside_grace_period_ends_session(
    ada: Api, first_token: str, set_session: SetSession, seconds: int
) -> None:
    second = success(refresh(ada, first_token))
    get_me(ada, second)
    set_session(rotated_at=seconds)
    problem(refresh(ada, first_token), 401, "refresh-token-reused")
    problem(refresh(ada, second["refresh_token"]), 401, "refresh-token-invalid")
    problem(ada.get("/auth/me"), 401, "token-revoked")


@pytest.mark.parametrize("seconds", [-11, -3600, 60])
def test_replaced_token_is_accepted_while_nothing_of_its_successor_has_been_used(
    ada: Api, first_token: str, set_session: SetSession, seconds: int
) -> None:
    second_token = rotate(ada, first_token)
    set_session(rotated_at=seconds)
    success(ada.get("/auth/me"))  # with an access token of the first generation
    assert [rotate(ada, first_token) for _ in range(2)] == [second_token] * 2


def test_use_of_the_successor_ends_the_right_to_retry(ada: Api, first_token: str, set_session: SetSession) -> None:
    rotate(ada, first_token)
    set_session(rotated_at=-11)
    get_me(ada, success(refresh(ada, first_token)))
    problem(refresh(ada, first_token), 401, "refresh-token-reused")


def test_rejected_request_with_successor_does_not_count_as_its_use(
    ada: Api, first_token: str, set_session: SetSession
) -> None:
    pair = success(refresh(ada, first_token))
    set_session(rotated_at=-11)
    problem(get_me(ada, {"access_token": pair["access_token"] + "x"}), 401, "token-invalid")
    assert rotate(ada, first_token) == pair["refresh_token"]


def test_reusing_older_token_ends_session_even_within_grace_period(ada: Api, first_token: str) -> None:
    third_token = rotate(ada, rotate(ada, first_token))
    problem(refresh(ada, first_token), 401, "refresh-token-reused")
    problem(refresh(ada, third_token), 401, "refresh-token-invalid")


def test_token_reuse_ends_only_the_affected_session(ada: Api, first_token: str) -> None:
    other = ada.with_new_session()
    rotate(ada, rotate(ada, first_token))
    problem(refresh(ada, first_token), 401, "refresh-token-reused")
    assert other.get("/auth/me").status_code == 200


def test_end_of_session_is_committed_even_though_reused_token_is_rejected(
    app: Flask, ada: Api, first_token: str
) -> None:
    rotate(ada, rotate(ada, first_token))
    refresh(ada, first_token)
    with app.app_context(), read() as connection:
        assert connection.scalar(select(Session.ended_at)) is not None


def test_repeated_token_reuse_is_reported_as_invalid_token(ada: Api, first_token: str) -> None:
    rotate(ada, rotate(ada, first_token))
    problem(refresh(ada, first_token), 401, "refresh-token-reused")
    problem(refresh(ada, first_token), 401, "refresh-token-invalid")


@ON_SQLITE
def test_altered_token_is_invalid_and_does_not_end_session(ada: Api, first_token: str) -> None:
    rotate(ada, rotate(ada, first_token))
    for index, character in enumerate(first_token):
        altered = first_token[:index] + ("A" if character != "A" else "B") + first_token[index + 1 :]
        problem(refresh(ada, altered), 401, "refresh-token-invalid")
    assert ada.get("/auth/me").status_code == 200


@ON_SQLITE
@pytest.mark.parametrize("form", ALTERED_FORMATS)
def test_token_in_altered_format_is_invalid(ada: Api, first_token: str, form: str) -> None:
    problem(refresh(ada, form.format(*first_token.split("."))), 401, "refresh-token-invalid")


@ON_SQLITE
@pytest.mark.parametrize("token", MALFORMED, ids=ascii)
def test_malformed_token_is_invalid(ada: Api, token: str) -> None:
    problem(refresh(ada, token), 401, "refresh-token-invalid")


@ON_SQLITE
@pytest.mark.parametrize("purpose", ["invitation", "cursor", "refresh", ""])
def test_token_issued_for_another_purpose_is_invalid(app: Flask, ada: Api, purpose: str) -> None:
    with app.app_context():
        token = signing.issue(purpose, UUID(ada.tokens["session_id"]), 1)
    problem(refresh(ada, token), 401, "refresh-token-invalid")


@ON_SQLITE
def test_token_for_nonexistent_session_is_invalid(app: Flask, ada: Api) -> None:
    with app.app_context():
        token = signing.issue("refresh-token", uuid4(), 1)
    problem(refresh(ada, token), 401, "refresh-token-invalid")


@ON_SQLITE
def test_access_token_is_rejected_as_refresh_token(ada: Api) -> None:
    problem(refresh(ada, ada.tokens["access_token"]), 401, "refresh-token-invalid")


@pytest.mark.parametrize("limit", ["idle_until", "expires_at"])
def test_tokens_of_expired_session_are_rejected(
    ada: Api, first_token: str, set_session: SetSession, limit: str
) -> None:
    set_session(**{limit: -1})
    problem(refresh(ada, first_token), 401, "refresh-token-invalid")
    problem(ada.get("/auth/me"), 401, "token-revoked")


@ON_SQLITE
def test_refresh_extends_idle_expiry_up_to_absolute_expiry(ada: Api, first_token: str, set_session: SetSession) -> None:
    set_session(idle_until=100, expires_at=5000)
    pair = success(refresh(ada, first_token))
    assert 4990 <= pair["refresh_expires_in"] <= 5000
    set_session(idle_until=-1)
    problem(refresh(ada, pair["refresh_token"]), 401, "refresh-token-invalid")


@ON_SQLITE
def test_refreshing_does_not_extend_the_absolute_expiry(app: Flask, ada: Api, first_token: str) -> None:
    before = absolute_expiry(app)
    rotate(ada, rotate(ada, rotate(ada, first_token)))
    assert absolute_expiry(app) == before


def absolute_expiry(app: Flask) -> datetime:
    """Return the end of the only session."""
    with app.app_context(), read() as connection:
        expires_at: datetime = connection.execute(select(Session.expires_at)).scalar_one()
    return expires_at


@ON_SQLITE
def test_refreshing_adds_no_session_rows(app: Flask, ada: Api, first_token: str) -> None:
    token = first_token
    for _ in range(5):
        token = rotate(ada, token)
    with app.app_context(), read() as connection:
        assert connection.scalar(select(func.count()).select_from(Session)) == 1


@ON_SQLITE
def test_token_is_valid_only_while_its_secret_key_is_configured(app: Flask, ada: Api, first_token: str) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"secret_key": ("n" * 32, *settings.secret_key)})
    second_token = rotate(ada, first_token)
    app.extensions["settings"] = settings.model_copy(update={"secret_key": ("n" * 32,)})
    assert rotate(ada, second_token) != second_token
    problem(refresh(ada, first_token), 401, "refresh-token-invalid")


@pytest.mark.parametrize(("seconds", "is_accepted"), [(-1.1, False), (-1, True), (10, True), (10.1, False)])
def test_replaced_token_is_accepted_during_grace_period_and_one_second_of_clock_skew(
    seconds: float, is_accepted: bool
) -> None:
    assert may_reuse(1, generation=2, used_generation=2, seconds=seconds) is is_accepted


@pytest.mark.parametrize(("presented", "used_generation", "is_accepted"), [(1, 1, True), (1, 2, False), (0, 0, False)])
def test_only_the_previous_token_is_accepted_until_its_successor_is_used(
    presented: int, used_generation: int, is_accepted: bool
) -> None:
    assert may_reuse(presented, generation=2, used_generation=used_generation, seconds=3600) is is_accepted


def may_reuse(presented: int, *, generation: int, used_generation: int, seconds: float) -> bool:
    """Call the policy for a session that was rotated `seconds` ago, with a grace period of 10 s."""
    at = now()
    return may_reuse_refresh_token(
        presented,
        generation=generation,
        used_generation=used_generation,
        rotated_at=at - timedelta(seconds=seconds),
        at=at,
        grace=timedelta(seconds=10),
    )
