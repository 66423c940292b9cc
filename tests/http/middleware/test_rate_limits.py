"""Rate limits: response headers, order of checks, shared stores, and protection against spoofed client IPs."""

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
UNKNOWN_USER = {"email": "unknown@example.com", "password": PASSWORD}
# After the first login.
LOGIN_HEADERS = (
    '"login";q=100;w=60, "login-network";q=500;w=60',
    '"login";r=99, "login-network";r=499',
)
FAILING_REQUESTS: dict[int, dict[str, Any]] = {
    400: {"data": b"{", "content_type": "application/json"},
    401: {},
    406: {"headers": {"Accept": "text/xml"}},
    413: {"data": b" " * 1_000_001, "content_type": "application/json"},
    415: {"data": b"x"},
    422: {"json": {}},
}


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """A function that creates an application with rate limits enabled and returns a client for it."""
    with ExitStack() as stack:

        def start(**changes: Any) -> Api:
            update = {"rate_limit_enabled": True, **changes}
            return Api(stack.enter_context(application(settings.model_copy(update=update))).test_client())

        yield start


@pytest.fixture
def store() -> Iterator[Redis]:
    """A Redis server that a test may suspend."""
    with services.redis() as server:
        yield server


def log_in(api: Api, client_ip: str = "192.0.2.1", **options: Any) -> TestResponse:
    """Try to log in from `client_ip` and return the response."""
    body = {} if "data" in options else {"json": UNKNOWN_USER}
    return api("POST", "/auth/login", **{**body, **options}, environ_base={"REMOTE_ADDR": client_ip})


def limit_headers(response: TestResponse) -> tuple[str | None, str | None]:
    """Return the `RateLimit-Policy` and `RateLimit` headers, the latter without the seconds until the reset."""
    state = response.headers.get("RateLimit")
    return response.headers.get("RateLimit-Policy"), state and re.sub(r";t=([1-9]|[1-5]\d|60)(?=,|$)", "", state)


def statuses(responses: list[TestResponse]) -> list[int]:
    return [response.status_code for response in responses]


def test_remaining_requests_are_reported_down_to_zero(start: Start) -> None:
    api = start(logins_per_minute=2)
    responses = [log_in(api) for _ in range(4)]
    assert statuses(responses) == [401, 401, 429, 429]
    states = [limit_headers(response)[1] for response in responses]
    assert states == [*(f'"login";r={left}, "login-network";r={left + 8}' for left in (1, 0)), *['"login";r=0'] * 2]
    policies = [limit_headers(response)[0] for response in responses]
    assert policies == ['"login";q=2;w=60, "login-network";q=10;w=60'] * 2 + ['"login";q=2;w=60'] * 2


def test_rate_limited_response_has_retry_after_header(start: Start) -> None:
    api = start(logins_per_minute=1)
    response = [log_in(api) for _ in range(2)][1]
    problem(response, 429, "rate-limited")
    left = re.fullmatch(r'"login";r=0;t=(\d+)', response.headers["RateLimit"])
    assert left is not None
    assert response.headers["Retry-After"] == left[1]
    assert 1 <= int(left[1]) <= 60


def test_successful_response_has_rate_limit_headers(start: Start) -> None:
    api = start()
    responses = [api.post("/auth/register", {"email": "ada@example.com", "password": PASSWORD})]
    responses.append(api.post("/auth/login", {"email": "ada@example.com", "password": PASSWORD}))
    assert statuses(responses) == [201, 200]
    assert [limit_headers(response) for response in responses] == [
        ('"register";q=20;w=60, "register-network";q=100;w=60', '"register";r=19, "register-network";r=99'),
        LOGIN_HEADERS,
    ]


@pytest.mark.parametrize("status", FAILING_REQUESTS)
def test_failed_request_counts_toward_limit_and_gets_rate_limit_headers(start: Start, status: int) -> None:
    response = log_in(start(), **FAILING_REQUESTS[status])
    assert response.status_code == status
    assert limit_headers(response) == LOGIN_HEADERS


@pytest.mark.parametrize("status", FAILING_REQUESTS)
def test_limit_is_checked_before_request_validation(start: Start, status: int) -> None:
    api = start(logins_per_minute=1)
    log_in(api)
    problem(log_in(api, **FAILING_REQUESTS[status]), 429, "rate-limited")


def test_limit_is_checked_after_access_control(start: Start) -> None:
    api = start(logins_per_minute=1)
    api.client.application.add_url_rule("/for-users", view_func=lambda: "", access=user, limits=(LOGINS,))
    responses = [api.client.get("/for-users") for _ in range(3)]
    assert statuses(responses) == [401] * 3
    assert {limit_headers(response) for response in responses} == {(None, None)}


def test_both_registration_routes_share_a_limit(start: Start) -> None:
    api = start(registrations_per_minute=2)
    paths = ("/auth/register", "/invitations/register", "/invitations/register", "/auth/register")
    assert statuses([api.post(path, {}) for path in paths]) == [422, 422, 429, 429]
    assert log_in(api, "127.0.0.1").status_code == 401


def test_invitations_are_limited_per_user(start: Start) -> None:
    owner = start(invitations_per_minute=1).as_new_user()
    other = owner.as_new_user()
    body = {"email": "guest@example.com", "role": "member"}
    paths = [f"/organizations/{user.organization()['id']}/invitations" for user in (owner, other)]
    responses = [owner.post(paths[0], body), owner.post(paths[0], body), other.post(paths[1], body)]
    assert statuses(responses) == [201, 429, 201]


def test_all_limits_of_a_route_are_reported_and_enforced(start: Start) -> None:
    api = start()
    limits = (
        Limit("wide", lambda _settings: 5, caller=lambda: "all"),
        Limit("narrow", lambda _settings: 1, caller=lambda: "all", window_seconds=900),
    )
    api.client.application.add_url_rule("/limited", view_func=lambda: "", access=public, limits=limits)
    responses = [api.client.get("/limited") for _ in range(2)]
    assert statuses(responses) == [200, 429]
    assert responses[0].headers["RateLimit-Policy"] == '"wide";q=5;w=60, "narrow";q=1;w=900'
    assert re.fullmatch(r'"wide";r=4;t=60, "narrow";r=0;t=900', responses[0].headers["RateLimit"])


@pytest.mark.parametrize(("method", "path"), [("GET", "/auth/me"), ("OPTIONS", "/auth/login"), ("GET", "/auth/login")])
def test_request_without_rate_limit_is_not_counted_and_gets_no_rate_limit_headers(
    start: Start, method: str, path: str
) -> None:
    api = start(logins_per_minute=1)
    responses = [api(method, path, environ_base={"REMOTE_ADDR": "192.0.2.1"}) for _ in range(3)]
    assert {limit_headers(response) for response in responses} == {(None, None)}
    assert log_in(api).status_code == 401


def test_no_request_is_limited_if_rate_limits_are_disabled(start: Start) -> None:
    api = start(rate_limit_enabled=False, logins_per_minute=1)
    responses = [log_in(api) for _ in range(3)]
    assert statuses(responses) == [401] * 3
    assert {limit_headers(response) for response in responses} == {(None, None)}


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
def test_each_client_ip_has_its_own_limit(start: Start, other: str, is_same: bool) -> None:
    api = start(logins_per_minute=1)
    assert statuses([log_in(api), log_in(api, other)]) == [401, 429 if is_same else 401]


@pytest.mark.parametrize(
    ("other", "is_same"), [("2001:db8:0:1:ffff::2", True), ("[2001:db8:0:1::3]:443", True), ("2001:db8:0:2::1", False)]
)
def test_ipv6_addresses_in_the_same_64_network_share_a_limit(start: Start, other: str, is_same: bool) -> None:
    api = start(logins_per_minute=1)
    assert statuses([log_in(api, "2001:db8:0:1::1"), log_in(api, other)]) == [401, 429 if is_same else 401]


@pytest.mark.parametrize(
    ("addresses", "outside"),
    [
        ([f"192.0.2.{number}" for number in range(110)], "192.0.3.1"),
        ([f"2001:db8:0:{number:x}00::1" for number in range(110)], "2001:db8:1::1"),
    ],
)
def test_addresses_of_one_network_share_a_wider_limit(start: Start, addresses: list[str], outside: str) -> None:
    api = start(logins_per_minute=20)
    responses = [log_in(api, address, json={}) for address in (*addresses, outside)]
    assert statuses(responses) == [422] * 100 + [429] * 10 + [422]
    problem(responses[-2], 429, "rate-limited")
    assert limit_headers(responses[-2])[1] == '"login";r=19, "login-network";r=0'


def test_client_that_exceeds_its_limit_does_not_use_up_that_of_its_network(start: Start) -> None:
    api = start(logins_per_minute=1, rate_limit_network_factor=2)
    assert statuses([log_in(api) for _ in range(5)]) == [401] + [429] * 4
    assert statuses([log_in(api, address) for address in ("192.0.2.2", "192.0.2.3")]) == [401, 429]


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("logins_per_minute", "/auth/login"),
        ("registrations_per_minute", "/auth/register"),
        ("refreshes_per_minute", "/auth/refresh"),
        ("emailed_tokens_per_minute", "/auth/password-reset"),
        ("emailed_tokens_per_minute", "/auth/password-reset/confirm"),
        ("emailed_tokens_per_minute", "/auth/email-verification/confirm"),
    ],
)
def test_public_route_is_limited_per_client_ip_and_network(start: Start, setting: str, path: str) -> None:
    api = start(**{setting: 1}, rate_limit_network_factor=2)
    addresses = ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.3.1")
    responses = [api.post(path, {}, environ_base={"REMOTE_ADDR": address}) for address in addresses]
    assert statuses(responses) == [422, 429, 422, 429, 422]


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
def test_client_ip_is_taken_only_from_trusted_proxies(
    start: Start, proxies: int, forwarded: tuple[str, str], expected: int
) -> None:
    settings: Any = {"trusted_proxies": proxies, "logins_per_minute": 1}
    api = start(**settings)
    value, name = forwarded
    responses = [log_in(api, headers={name: value.format(number)}) for number in range(2)]
    assert statuses(responses) == [401, expected]


def test_processes_that_use_the_same_store_share_a_limit(start: Start, redis_url: str) -> None:
    processes = [start(rate_limit_url=redis_url, logins_per_minute=2) for _ in range(2)]
    responses = [log_in(api, "192.0.2.77") for api in processes * 2]
    assert statuses(responses) == [401, 401, 429, 429]


def test_concurrent_requests_to_two_web_processes_do_not_exceed_the_limit(settings: Settings, redis_url: str) -> None:
    limits = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_URL": redis_url, "LOGINS_PER_MINUTE": "5"}
    with programs(settings, WEB_CONCURRENCY="2", **limits).web() as url:
        api = Api(Remote(url))  # type: ignore[arg-type]
        responses = run_concurrently([lambda: api.post("/auth/login", UNKNOWN_USER)] * 12)
    assert sorted(statuses(responses)) == [401] * 5 + [429] * 7


def test_rate_limit_store_contains_no_client_ip_or_email_address(start: Start, store: Redis) -> None:
    log_in(start(rate_limit_url=store.url), "192.0.2.99")
    with redis.Redis.from_url(store.url) as client:
        entries = [(key, client.get(key)) for key in client.scan_iter()]
    assert len(entries) == 3  # of the client, its network and the account
    assert not [text for text in ("192.0.2", "c0000263", "example.com") if text in str(entries)]


def test_unresponsive_store_delays_login_by_less_than_half_a_second(start: Start, store: Redis) -> None:
    api = start(rate_limit_url=store.url, logins_per_minute=2)
    usual_seconds = _login_seconds(api)
    os.kill(store.pid, signal.SIGSTOP)
    assert _login_seconds(api) < usual_seconds + 0.5
    # The process now counts in its own memory, starting from zero.
    responses = [log_in(api) for _ in range(2)]
    assert statuses(responses) == [401, 429]


def _login_seconds(api: Api) -> float:
    started = time.monotonic()
    assert log_in(api).status_code == 401
    return time.monotonic() - started
