"""The limit on wrong passwords per account: it holds for any number of clients, and reveals nothing about accounts."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from project.blueprints.auth import passwords, service
from project.config import Settings
from project.infrastructure import signing
from project.infrastructure.clock import now
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, problem, success
from tests.kit.clients.remote import Remote, run_concurrently
from tests.kit.deployment.programs import programs
from tests.kit.fixtures.apps import application

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA = "ada@example.com"
LIMIT = 10
WINDOW_SECONDS = 15 * 60


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """A client of an application that limits requests."""
    with application(settings.model_copy(update={"rate_limit_enabled": True})) as app:
        yield Api(app.test_client())


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user(ADA)


def log_in(api: Api, email: str = ADA, password: str = PASSWORD, client_ip: str = "192.0.2.1", **options: Any) -> Any:
    body = {"email": email, "password": password}
    return api.post("/auth/login", body, environ_base={"REMOTE_ADDR": client_ip}, **options)


def guess(api: Api, times: int = LIMIT, *, first_octet: int = 10, **options: Any) -> list[Any]:
    """Send wrong passwords, each of them from a different network, and return the responses."""
    addresses = [f"{first_octet}.{number // 256}.{number % 256}.1" for number in range(times)]
    return [log_in(api, password=f"wrong password {address}", client_ip=address, **options) for address in addresses]


def statuses(responses: list[Any]) -> list[int]:
    return [response.status_code for response in responses]


def test_wrong_passwords_from_many_addresses_are_limited_per_account(api: Api, ada: Api) -> None:
    responses = guess(api, times=300)
    assert statuses(responses) == [401] * LIMIT + [429] * 290
    problem(responses[-1], 429, "rate-limited")
    assert WINDOW_SECONDS - 60 < int(responses[-1].headers["Retry-After"]) <= WINDOW_SECONDS


def test_correct_password_is_rejected_while_the_account_is_limited(api: Api, ada: Api) -> None:
    guess(api)
    problem(log_in(api), 429, "rate-limited")


def test_passwords_are_not_hashed_while_the_account_is_limited(
    api: Api, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess(api)
    monkeypatch.setattr(passwords, "matches", None)
    assert log_in(api).status_code == 429


def test_correct_password_works_after_the_window(api: Api, ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    started_at = time.time()
    monkeypatch.setattr(time, "time", lambda: started_at)
    guess(api)
    monkeypatch.setattr(time, "time", lambda: started_at + WINDOW_SECONDS - 1)
    assert log_in(api).headers["Retry-After"] == "1"
    monkeypatch.setattr(time, "time", lambda: started_at + WINDOW_SECONDS)
    assert log_in(api).status_code == 200


def test_limited_user_keeps_sessions_and_can_log_in_after_changing_the_password(api: Api, ada: Api) -> None:
    guess(api)
    success(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}))
    success(ada.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}))
    assert log_in(api, password=NEW_PASSWORD).status_code == 200


def test_limited_user_can_log_in_after_resetting_the_password(api: Api, ada: Api) -> None:
    guess(api)
    with api.client.application.app_context():
        service.start_password_reset(ADA, requested_at=now())
        token = signing.issue("password-reset", UUID(ada.user["id"]), 1)
    success(api.post("/auth/password-reset/confirm", {"token": token, "new_password": NEW_PASSWORD}))
    assert log_in(api, password=NEW_PASSWORD).status_code == 200


def test_other_accounts_are_not_limited(api: Api, ada: Api) -> None:
    api.register("grace@example.com")
    responses = [log_in(api, password="wrong password") for _ in range(LIMIT + 1)]
    assert statuses(responses) == [401] * LIMIT + [429]
    assert log_in(api, "grace@example.com").status_code == 200


def test_unknown_email_addresses_have_their_own_limits(api: Api) -> None:
    guess(api, email="unknown@example.com")
    assert log_in(api, "nobody@example.com").status_code == 401


def test_successful_login_resets_the_count(api: Api, ada: Api) -> None:
    guess(api, times=LIMIT - 1)
    assert statuses([log_in(api) for _ in range(2)]) == [200, 200]
    assert statuses(guess(api, times=LIMIT + 1)) == [401] * LIMIT + [429]


def test_successful_logins_are_not_limited(api: Api, ada: Api) -> None:
    assert statuses([log_in(api) for _ in range(LIMIT + 1)]) == [200] * (LIMIT + 1)


def test_spellings_of_an_email_address_share_a_limit(api: Api, ada: Api) -> None:
    guess(api)
    assert log_in(api, ADA.upper()).status_code == 429


def test_limit_does_not_reveal_whether_an_account_exists(api: Api, ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    at = time.time()
    monkeypatch.setattr(time, "time", lambda: at)
    headers = {"X-Request-ID": "same"}
    known = guess(api, times=LIMIT + 2, headers=headers)
    unknown = guess(api, times=LIMIT + 2, first_octet=11, email="unknown@example.com", headers=headers)
    assert statuses(unknown) == [401] * LIMIT + [429] * 2
    assert [_visible(response) for response in unknown] == [_visible(response) for response in known]


def test_no_login_is_limited_if_rate_limits_are_disabled(settings: Settings) -> None:
    disabled = settings.model_copy(update={"rate_limit_enabled": False, "password_attempts_per_15_minutes": 1})
    with application(disabled) as app:
        api = Api(app.test_client())
        api.register(ADA)
        assert statuses(guess(api, times=3)) == [401] * 3
        assert log_in(api).status_code == 200


def test_concurrent_guesses_through_two_web_processes_do_not_exceed_the_limit(
    settings: Settings, redis_url: str
) -> None:
    limits = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_URL": redis_url}
    with programs(settings, WEB_CONCURRENCY="2", **limits).web() as url:
        api = Api(Remote(url))  # type: ignore[arg-type]
        user = api.register()
        body = {"email": user["email"], "password": "wrong password"}
        responses = run_concurrently([lambda: api.post("/auth/login", body)] * 50)
    assert Counter(statuses(responses)) == {401: LIMIT, 429: 40}


def _visible(response: Any) -> Any:
    """Return everything that the client receives."""
    return response.status_code, dict(response.headers), response.json
