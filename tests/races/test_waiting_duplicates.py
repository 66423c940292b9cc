"""Twins of a slow request wait for it, but never so many that a process has no threads left for others."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import pytest
from werkzeug.wrappers import Response

from project.config import Settings
from tests.kit.clients.api import Api, problem
from tests.kit.clients.remote import Remote
from tests.kit.deployment.programs import programs
from tests.kit.faults.pause_points import PausePoint, pause_at, wait_for
from tests.races.keyed_requests import keyed
from tests.races.processes import new

THREADS = 8
WAITING = THREADS // 2
TWINS = 3 * THREADS


@pytest.fixture(scope="module")
def owner(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Somebody at a single process."""
    alone = settings.model_copy(update={"data_dir": tmp_path_factory.mktemp("alone")})
    with programs(alone, WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS)).web() as url:
        yield Api(Remote(url)).signed_in(f"{new('owner')}@example.com")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Crowd:
    """A request that is stuck in the middle, and its twins."""

    point: PausePoint
    send: Callable[[], Response]
    first: Future[Response]
    twins: list[Future[Response]]

    def turned_away(self) -> list[Response]:
        """What those get who may not wait, while those wait who may."""
        wait_for(TWINS - WAITING, lambda: sum(twin.done() for twin in self.count_waiting_duplicates), seconds=4)
        assert (self.point.count_paused(), self.point.count_waiting_duplicates()) == (1, WAITING)
        return [twin.result() for twin in self.twins if twin.done()]


@pytest.fixture
def crowd(settings: Settings, owner: Api) -> Iterator[Crowd]:
    name, key = new("Crowd"), str(uuid4())

    def send() -> Response:
        return owner.post("/organizations", {"name": name}, headers=keyed(key))

    with ThreadPoolExecutor(TWINS + 1) as pool, pause_at(settings.database_url, "store-response") as point:
        first = pool.submit(send)
        wait_for(1, point.count_paused)
        twins = [pool.submit(send) for _ in range(TWINS)]
        yield Crowd(point, send, first, twins)


def seconds_of(act: Callable[[], Response]) -> float:
    began = time.monotonic()
    assert act().status_code == 200
    return time.monotonic() - began


def test_half_of_the_threads_wait_and_all_others_go_on(crowd: Crowd, owner: Api) -> None:
    for answer in crowd.turned_away():
        problem(answer, 409, "idempotency-key-in-use")  # type: ignore[arg-type]
        assert int(answer.headers["Retry-After"]) >= 1
    assert max(seconds_of(lambda: owner.get("/auth/me")) for _ in range(20)) < 2
    assert len(crowd.turned_away()) == TWINS - WAITING


def test_those_who_wait_get_the_answer_of_the_first(crowd: Crowd) -> None:
    crowd.turned_away()
    crowd.point.release()
    first = crowd.first.result()
    waited = [twin.result() for twin in crowd.twins if twin.result().status_code != 409]
    assert first.status_code == 201
    assert len(waited) == WAITING
    assert {(one.data, one.headers["Idempotency-Replayed"]) for one in waited} == {(first.data, "true")}


def test_nobody_waits_longer_than_five_seconds(crowd: Crowd) -> None:
    began = time.monotonic()
    crowd.turned_away()
    for twin in crowd.twins:
        problem(twin.result(), 409, "idempotency-key-in-use")  # type: ignore[arg-type]
    assert 4 < time.monotonic() - began < 8
    assert not crowd.first.done()
    crowd.point.release()
    assert crowd.send().data == crowd.first.result().data
