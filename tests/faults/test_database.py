"""Failure matrix, rows 1 to 5: the database (PostgreSQL) fails."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from uuid import uuid4

import psycopg
import pytest
from urllib3.exceptions import ProtocolError
from werkzeug.wrappers import Response

from tests.kit.clients.api import Api, problem
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import PausePoint, pause_at, wait_for_count
from tests.kit.servers.process import eventually

# The documented limits, plus some slack for busy machines.
MAX_ERROR_SECONDS = 2
MAX_RECOVERY_SECONDS = 5
SLACK_SECONDS = 2


@pytest.fixture
def owner(system: System) -> Api:
    """A user whose session is recorded in the ledger."""
    return system.ledger.session(system.api.as_new_user())


def ensure_unavailable(response: Response) -> None:
    problem(response, 503, "service-unavailable")  # type: ignore[arg-type]
    assert int(response.headers["Retry-After"]) >= 1


def retry(send: Callable[[], Response]) -> Response:
    """Send a request, and retry it while the response is 503, for at most MAX_RECOVERY_SECONDS."""
    until = time.monotonic() + MAX_RECOVERY_SECONDS
    while (response := send()).status_code == 503 and time.monotonic() < until:
        time.sleep(0.1)
    return response


def statuses(system: System, path: str) -> set[int]:
    """Return the set of statuses that the web instances return for `path`."""
    return {system.api.client.open(path, method="GET").status_code for _ in system.deployment.urls}


def count_organizations(system: System) -> int:
    return int(system.inspection.rows("SELECT count(*) FROM organizations")[0][0])


@contextmanager
def paused_request(
    system: System, send: Callable[[], Response], pause_point: str
) -> Iterator[tuple[PausePoint, Future[Response]]]:
    """Send a request that pauses at a pause point. Yield the point and a future for the response."""
    url, proxy = system.inspection.database_url, system.proxies.database
    with ThreadPoolExecutor(1) as pool, pause_at(url, pause_point, proxy=proxy) as point:
        response = pool.submit(send)
        wait_for_count(1, point.count_paused)
        yield point, response


@pytest.mark.parametrize("pause_point", ["store-response", "commit-response"])
def test_request_has_no_effect_and_leaves_key_unused_if_connection_is_lost_before_commit(
    system: System, owner: Api, pause_point: str
) -> None:
    send = partial(system.ledger.organization, owner, str(uuid4()))
    before = count_organizations(system)
    with paused_request(system, send, pause_point) as (point, response):
        point.end_connections()
        ensure_unavailable(response.result())
    assert count_organizations(system) == before
    retried = send()
    assert (retried.status_code, retried.headers.get("Idempotency-Replayed")) == (201, None)
    assert count_organizations(system) == before + 1
    system.ledger.ensure_nothing_lost()


def test_retry_with_key_replays_response_if_connection_is_lost_during_commit(system: System, owner: Api) -> None:
    send = partial(system.ledger.organization, owner, str(uuid4()))
    before = count_organizations(system)
    with paused_request(system, send, "commit-response") as (point, response):
        system.proxies.database.reset_connections()
        ensure_unavailable(response.result())
        point.release()
        retried = retry(send)
    assert (retried.status_code, retried.headers.get("Idempotency-Replayed")) == (201, "true")
    assert count_organizations(system) == before + 1
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("fault", ["shut_down", "stall"])
def test_database_outage_is_reported_quickly_and_service_recovers_afterwards(
    system: System, owner: Api, fault: str
) -> None:
    getattr(system.proxies.database, fault)()
    durations = {}
    for send in (partial(system.ledger.organization, owner), partial(owner.get, "/auth/me")):
        started = time.monotonic()
        ensure_unavailable(send())
        durations[send.func] = time.monotonic() - started
    assert max(durations.values()) < MAX_ERROR_SECONDS + SLACK_SECONDS, durations
    assert (statuses(system, "/health/live"), statuses(system, "/health/ready")) == ({200}, {503})
    system.proxies.database.heal()
    eventually(lambda: statuses(system, "/health/ready") == {200}, MAX_RECOVERY_SECONDS + SLACK_SECONDS)
    assert system.ledger.organization(owner).status_code == 201
    system.ledger.ensure_nothing_lost()


@pytest.mark.full
@pytest.mark.parametrize("fault", ["shut_down", "stall"])
def test_no_request_succeeds_during_a_one_minute_database_outage(system: System, owner: Api, fault: str) -> None:
    getattr(system.proxies.database, fault)()
    until = time.monotonic() + 60
    with ThreadPoolExecutor(16) as pool:
        outcomes = sum(pool.map(lambda _thread: _send_until(until, system, owner), range(16)), Counter())
    assert outcomes.keys() <= {503, None}, outcomes
    assert outcomes[503] > 0
    system.proxies.database.heal()
    eventually(lambda: statuses(system, "/health/ready") == {200}, MAX_RECOVERY_SECONDS + SLACK_SECONDS)
    system.ledger.ensure_nothing_lost()


def _send_until(until: float, system: System, owner: Api) -> Counter[int | None]:
    """Send requests until the given time and count statuses.

    `None` counts idle connections that the server closed.
    """
    outcomes: Counter[int | None] = Counter()
    while time.monotonic() < until:
        for send in (partial(owner.get, "/auth/me"), partial(system.ledger.organization, owner)):
            try:
                outcomes[send().status_code] += 1
            except ProtocolError:
                outcomes[None] += 1
    return outcomes


def test_only_requests_that_need_the_database_fail_if_all_connections_are_in_use(system: System, owner: Api) -> None:
    with ExitStack() as connections:
        system.proxies.database.reset_connections()
        use_up_connections(system.inspection.database_url, connections)
        ensure_unavailable(system.ledger.organization(owner))
        assert statuses(system, "/health/live") == statuses(system, "/.well-known/jwks.json") == {200}
    eventually(lambda: statuses(system, "/health/ready") == {200}, MAX_RECOVERY_SECONDS + SLACK_SECONDS)
    assert system.ledger.organization(owner).status_code == 201
    system.ledger.ensure_nothing_lost()


def use_up_connections(url: str, connections: ExitStack) -> None:
    """Open as many connections as the server still accepts."""
    with suppress(psycopg.OperationalError):
        while True:
            connections.enter_context(psycopg.connect(url, connect_timeout=5))


def test_request_aborted_by_a_deadlock_is_retried(system: System, owner: Api) -> None:
    before = count_organizations(system)
    with psycopg.connect(system.inspection.database_url) as rival, ThreadPoolExecutor(1) as pool:
        rival.execute("LOCK TABLE memberships IN SHARE ROW EXCLUSIVE MODE")
        response = pool.submit(system.ledger.organization, owner)
        wait_for_count(1, lambda: count_lock_waits(system))
        # Each transaction now waits for the other. The request has waited longer, so it detects the deadlock first
        # and is aborted.
        rival.execute("LOCK TABLE organizations")
        rival.rollback()
        assert response.result().status_code == 201
    assert count_organizations(system) == before + 1
    system.ledger.ensure_nothing_lost()


def count_lock_waits(system: System) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return int(system.inspection.rows(waiting)[0][0])
