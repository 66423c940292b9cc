"""In a real web process, requests that need an unresponsive database fail within seconds. Other requests succeed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import monotonic, sleep

import pytest

from project.config import Settings
from tests.kit.clients.api import Api, problem
from tests.kit.clients.remote import Remote, run_concurrently
from tests.kit.deployment.programs import programs
from tests.kit.faults.frozen_postgres import frozen
from tests.kit.servers.services import Postgres

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
THREADS = 4
MAX_SECONDS = 4


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """A logged-in client of a single web process."""
    with programs(settings, WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS)).web() as url:
        yield Api(Remote(url)).as_new_user()  # type: ignore[arg-type]


def timed(send: Callable[[], object]) -> tuple[int, float]:
    started_at = monotonic()
    status: int = send().status_code  # type: ignore[attr-defined]
    return status, monotonic() - started_at


def send_until(done: Event, send: Callable[[], object]) -> list[tuple[int, float]]:
    """Send requests until `done` is set, and return the status and duration of each."""
    responses = []
    while not done.is_set():
        responses.append(timed(send))
        sleep(0.02)
    return responses


def seconds_until(status: int, send: Callable[[], object]) -> float:
    started_at = monotonic()
    while timed(send)[0] != status:
        assert monotonic() - started_at < 10
        sleep(0.1)
    return monotonic() - started_at


def test_unresponsive_database_delays_only_requests_that_use_the_database(api: Api, postgres_server: Postgres) -> None:
    me, live = partial(api.get, "/auth/me"), partial(api.client.open, "/health/live")
    done = Event()
    with ThreadPoolExecutor(2 * THREADS) as pool:
        clients = [pool.submit(send_until, done, me) for _ in range(2 * THREADS)]
        sleep(0.5)
        with frozen(postgres_server):
            sleep(2.5)
            live_responses = [(timed(live), sleep(0.1)) for _ in range(30)]
            ready = timed(partial(api.client.open, "/health/ready"))
        recovery_seconds = seconds_until(200, me)
        done.set()
        responses = [response for client in clients for response in client.result()]
    assert {status for (status, _), _ in live_responses} == {200}
    assert max(seconds for (_, seconds), _ in live_responses) < 1
    assert ready[0] == 503
    assert ready[1] < MAX_SECONDS
    assert {status for status, _ in responses} == {200, 503}
    assert max(seconds for _, seconds in responses) < MAX_SECONDS
    assert recovery_seconds < 5
    assert {response.status_code for response in run_concurrently([me] * 4 * THREADS)} == {200}


def test_service_unavailable_response_has_retry_after_header(api: Api, postgres_server: Postgres) -> None:
    with frozen(postgres_server):
        response = api.get("/auth/me")
    problem(response, 503, "service-unavailable")
    assert int(response.headers["Retry-After"]) > 0
