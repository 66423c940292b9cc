"""A real process on a database that falls silent: nobody waits long, and who needs no database is served."""

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
from tests.kit.faults.frozen_postgres import silent
from tests.kit.servers.services import Postgres

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
THREADS = 4
MOST_SECONDS = 4


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """Somebody at a single process."""
    with programs(settings, WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS)).web() as url:
        yield Api(Remote(url)).signed_in()  # type: ignore[arg-type]


def timed(act: Callable[[], object]) -> tuple[int, float]:
    began = monotonic()
    status: int = act().status_code  # type: ignore[attr-defined]
    return status, monotonic() - began


def asked_until(done: Event, act: Callable[[], object]) -> list[tuple[int, float]]:
    """What somebody gets who asks again and again."""
    found = []
    while not done.is_set():
        found.append(timed(act))
        sleep(0.02)
    return found


def seconds_until(status: int, act: Callable[[], object]) -> float:
    began = monotonic()
    while timed(act)[0] != status:
        assert monotonic() - began < 10
        sleep(0.1)
    return monotonic() - began


def test_a_silent_database_holds_up_only_those_who_need_it(api: Api, postgres_server: Postgres) -> None:
    me, live = partial(api.get, "/auth/me"), partial(api.client.open, "/health/live")
    done = Event()
    with ThreadPoolExecutor(2 * THREADS) as pool:
        crowd = [pool.submit(asked_until, done, me) for _ in range(2 * THREADS)]
        sleep(0.5)
        with silent(postgres_server):
            sleep(2.5)
            lives = [(timed(live), sleep(0.1)) for _ in range(30)]
            ready = timed(partial(api.client.open, "/health/ready"))
        back = seconds_until(200, me)
        done.set()
        found = [one for each in crowd for one in each.result()]
    assert {status for (status, _), _ in lives} == {200}
    assert max(seconds for (_, seconds), _ in lives) < 1
    assert ready[0] == 503
    assert ready[1] < MOST_SECONDS
    assert {status for status, _ in found} == {200, 503}
    assert max(seconds for _, seconds in found) < MOST_SECONDS
    assert back < 5
    assert {answer.status_code for answer in run_concurrently([me] * 4 * THREADS)} == {200}


def test_what_is_refused_says_when_to_come_again(api: Api, postgres_server: Postgres) -> None:
    with silent(postgres_server):
        answer = api.get("/auth/me")
    problem(answer, 503, "service-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
