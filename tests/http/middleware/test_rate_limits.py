"""Rate limits: told on every answer of a limited route, judged early, and escaped by no header."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from werkzeug.test import TestResponse

from project.config import Settings
from project.http.routing.access import public, user
from project.http.routing.limits import LOGINS, Limit
from tests.kit.clients.api import PASSWORD, Api, problem
from tests.kit.clients.remote import Remote, run_concurrently
from tests.kit.deployment.programs import programs
from tests.kit.fixtures.apps import application
from tests.kit.servers import services
from tests.kit.servers.services import Redis

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Start = Callable[..., Api]
NOBODY = {"email": "nobody@example.com", "password": PASSWORD}
REFUSED: dict[int, dict[str, Any]] = {
    400: {"data": b"{", "content_type": "application/json"},
    401: {},
    406: {"headers": {"Accept": "text/xml"}},
    413: {"data": b" " * 1_000_001, "content_type": "application/json"},
    415: {"data": b"x"},
    422: {"json": {}},
}


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts an application with limits, and gives a client of it."""
    with ExitStack() as stack:

        def start(**more: Any) -> Api:
            update = {"rate_limit_enabled": True, **more}
            return Api(stack.enter_context(application(settings.model_copy(update=update))).test_client())

        yield start


@pytest.fixture
def store() -> Iterator[Redis]:
    """A store that a test may stop."""
    with services.redis() as server:
        yield server


def log_in(api: Api, address: str = "192.0.2.1", **options: Any) -> TestResponse:
    """The answer to an attempt from an address."""
    body = {} if "data" in options else {"json": NOBODY}
    return api("POST", "/auth/login", **{**body, **options}, environ_base={"REMOTE_ADDR": address})


def told(answer: TestResponse) -> tuple[str | None, str | None]:
    """What an answer tells of the limit, but for the time that is left."""
    state = answer.headers.get("RateLimit")
    return answer.headers.get("RateLimit-Policy"), state and re.sub(r";t=([1-9]|[1-5]\d|60)$", "", state)


def statuses(answers: list[TestResponse]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_what_is_left_is_told_until_nothing_is(start: Start) -> None:
    api = start(logins_per_minute=2)
    answers = [log_in(api) for _ in range(4)]
    assert statuses(answers) == [401, 401, 429, 429]
    assert [told(answer)[1] for answer in answers] == [f'"login";r={left}' for left in (1, 0, 0, 0)]
    assert {told(answer)[0] for answer in answers} == {'"login";q=2;w=60'}


def test_refusal_says_when_to_come_again(start: Start) -> None:
    api = start(logins_per_minute=1)
    answer = [log_in(api) for _ in range(2)][1]
    problem(answer, 429, "rate-limited")
    left = re.search(r";t=(\d+)$", answer.headers["RateLimit"])
    assert left is not None
    assert answer.headers["Retry-After"] == left[1]
    assert 1 <= int(left[1]) <= 60


def test_success_tells_what_is_left_too(start: Start) -> None:
    api = start()
    answers = [api.post("/auth/register", {"email": "ada@example.com", "password": PASSWORD})]
    answers.append(api.post("/auth/login", {"email": "ada@example.com", "password": PASSWORD}))
    assert statuses(answers) == [201, 200]
    assert [told(answer) for answer in answers] == [
        ('"register";q=20;w=60', '"register";r=19'),
        ('"login";q=100;w=60', '"login";r=99'),
    ]


@pytest.mark.parametrize("status", REFUSED)
def test_every_refusal_counts_and_tells(start: Start, status: int) -> None:
    answer = log_in(start(), **REFUSED[status])
    assert answer.status_code == status
    assert told(answer) == ('"login";q=100;w=60', '"login";r=99')


@pytest.mark.parametrize("status", REFUSED)
def test_limit_is_judged_before_the_rest(start: Start, status: int) -> None:
    api = start(logins_per_minute=1)
    log_in(api)
    problem(log_in(api, **REFUSED[status]), 429, "rate-limited")


def test_limit_is_judged_after_access(start: Start) -> None:
    api = start(logins_per_minute=1)
    api.client.application.add_url_rule("/for-users", view_func=lambda: "", access=user, limits=(LOGINS,))
    answers = [api.client.get("/for-users") for _ in range(3)]
    assert statuses(answers) == [401] * 3
    assert {told(answer) for answer in answers} == {(None, None)}


def test_registering_shares_a_budget_with_registering_by_invitation(start: Start) -> None:
    api = start(registrations_per_minute=2)
    paths = ("/auth/register", "/invitations/register", "/invitations/register", "/auth/register")
    assert statuses([api.post(path, {}) for path in paths]) == [422, 422, 429, 429]
    assert log_in(api, "127.0.0.1").status_code == 401


def test_route_with_several_limits_tells_all_and_keeps_the_narrowest(start: Start) -> None:
    api = start()
    limits = (Limit("wide", lambda _settings: 5), Limit("narrow", lambda _settings: 1))
    api.client.application.add_url_rule("/seen", view_func=lambda: "", access=public, limits=limits)
    answers = [api.client.get("/seen") for _ in range(2)]
    assert statuses(answers) == [200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"wide";q=5;w=60, "narrow";q=1;w=60'
    assert re.fullmatch(r'"wide";r=4;t=60, "narrow";r=0;t=60', answers[0].headers["RateLimit"])


@pytest.mark.parametrize(("method", "path"), [("GET", "/auth/me"), ("OPTIONS", "/auth/login"), ("GET", "/auth/login")])
def test_what_is_not_limited_neither_counts_nor_tells(start: Start, method: str, path: str) -> None:
    api = start(logins_per_minute=1)
    answers = [api(method, path, environ_base={"REMOTE_ADDR": "192.0.2.1"}) for _ in range(3)]
    assert {told(answer) for answer in answers} == {(None, None)}
    assert log_in(api).status_code == 401


def test_nothing_is_counted_when_it_is_switched_off(start: Start) -> None:
    api = start(rate_limit_enabled=False, logins_per_minute=1)
    answers = [log_in(api) for _ in range(3)]
    assert statuses(answers) == [401] * 3
    assert {told(answer) for answer in answers} == {(None, None)}


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("192.0.2.1", True),
        ("::ffff:192.0.2.1", True),
        ("192.0.2.1:4711", True),
        ("192.0.2.2", False),
        ("2001:db8::1", False),
        ("unix", False),
        ("", False),
    ],
)
def test_each_address_has_a_budget_of_its_own(start: Start, other: str, is_same: bool) -> None:
    api = start(logins_per_minute=1)
    assert statuses([log_in(api), log_in(api, other)]) == [401, 429 if is_same else 401]


@pytest.mark.parametrize(
    ("other", "is_same"), [("2001:db8:0:1:ffff::2", True), ("[2001:db8:0:1::3]:443", True), ("2001:db8:0:2::1", False)]
)
def test_addresses_of_one_network_share_a_budget(start: Start, other: str, is_same: bool) -> None:
    api = start(logins_per_minute=1)
    assert statuses([log_in(api, "2001:db8:0:1::1"), log_in(api, other)]) == [401, 429 if is_same else 401]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, ("203.0.113.{}", "X-Forwarded-For"), 429),
        (0, ("203.0.113.{}", "X-Real-IP"), 429),
        (0, ("for=203.0.113.{}", "Forwarded"), 429),
        (1, ("203.0.113.{}, 198.51.100.7", "X-Forwarded-For"), 429),
        (1, ("203.0.113.{}", "X-Forwarded-For"), 401),
    ],
)
def test_only_what_a_trusted_proxy_adds_names_another_address(
    start: Start, proxies: int, forwarded: tuple[str, str], expected: int
) -> None:
    settings: Any = {"trusted_proxies": proxies, "logins_per_minute": 1}
    api = start(**settings)
    value, name = forwarded
    answers = [log_in(api, headers={name: value.format(number)}) for number in range(2)]
    assert statuses(answers) == [401, expected]


def test_processes_on_one_store_share_a_budget(start: Start, redis_url: str) -> None:
    processes = [start(rate_limit_url=redis_url, logins_per_minute=2) for _ in range(2)]
    answers = [log_in(api, "192.0.2.77") for api in processes * 2]
    assert statuses(answers) == [401, 401, 429, 429]


def test_real_processes_let_through_no_more_than_the_limit(settings: Settings, redis_url: str) -> None:
    limits = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_URL": redis_url, "LOGINS_PER_MINUTE": "5"}
    with programs(settings, WEB_CONCURRENCY="2", **limits).web() as url:
        api = Api(Remote(url))  # type: ignore[arg-type]
        answers = run_concurrently([lambda: api.post("/auth/login", NOBODY)] * 12)
    assert sorted(statuses(answers)) == [401] * 5 + [429] * 7


def test_store_learns_no_address(start: Start, store: Redis) -> None:
    log_in(start(rate_limit_url=store.url), "192.0.2.99")
    with redis.Redis.from_url(store.url) as client:
        seen = [(key, client.get(key)) for key in client.scan_iter()]
    assert len(seen) == 1
    assert "192.0.2" not in str(seen)


def test_silent_store_slows_no_log_in_by_half_a_second(start: Start, store: Redis) -> None:
    api = start(rate_limit_url=store.url, logins_per_minute=2)
    usual = _seconds(api)
    os.kill(store.pid, signal.SIGSTOP)
    assert _seconds(api) < usual + 0.5
    # Counted in this process's own memory, from nothing.
    answers = [log_in(api) for _ in range(2)]
    assert statuses(answers) == [401, 429]


def _seconds(api: Api) -> float:
    began = time.monotonic()
    assert log_in(api).status_code == 401
    return time.monotonic() - began
