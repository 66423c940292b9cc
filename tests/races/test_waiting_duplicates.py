"""Duplicates of a slow request wait for it, but never occupy more than half of a process's threads."""

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
from tests.kit.faults.pause_points import PausePoint, pause_at, wait_for_count
from tests.races.keyed_requests import idempotency_headers
from tests.races.service import unique

THREADS = 8
MAX_WAITING = THREADS // 2
DUPLICATES = 3 * THREADS


@pytest.fixture(scope="module")
def owner(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A user whose requests all go to a single process."""
    single_process = settings.model_copy(update={"data_dir": tmp_path_factory.mktemp("single_process")})
    with programs(single_process, WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS)).web() as url:
        yield Api(Remote(url)).as_new_user(f"{unique('owner')}@example.com")  # type: ignore[arg-type]


@dataclass(frozen=True)
class PausedRequest:
    """A request that is paused before its response is stored, and its duplicates."""

    point: PausePoint
    send: Callable[[], Response]
    first: Future[Response]
    duplicates: list[Future[Response]]

    def rejected(self) -> list[Response]:
        """Return the responses to the duplicates that are rejected immediately, while the others are still waiting."""
        n_rejected = DUPLICATES - MAX_WAITING
        wait_for_count(n_rejected, lambda: sum(duplicate.done() for duplicate in self.duplicates), seconds=4)
        assert (self.point.count_paused(), self.point.count_waiting_duplicates()) == (1, MAX_WAITING)
        return [duplicate.result() for duplicate in self.duplicates if duplicate.done()]


@pytest.fixture
def paused(settings: Settings, owner: Api) -> Iterator[PausedRequest]:
    name, key = unique("Paused"), str(uuid4())

    def send() -> Response:
        return owner.post("/organizations", {"name": name}, headers=idempotency_headers(key))

    with ThreadPoolExecutor(DUPLICATES + 1) as pool, pause_at(settings.database_url, "store-response") as point:
        first = pool.submit(send)
        wait_for_count(1, point.count_paused)
        duplicates = [pool.submit(send) for _ in range(DUPLICATES)]
        yield PausedRequest(point, send, first, duplicates)


def measure_seconds(send: Callable[[], Response]) -> float:
    started = time.monotonic()
    assert send().status_code == 200
    return time.monotonic() - started


def test_duplicates_occupy_half_of_the_threads_and_other_threads_serve_requests(
    paused: PausedRequest, owner: Api
) -> None:
    for response in paused.rejected():
        problem(response, 409, "idempotency-key-in-use")  # type: ignore[arg-type]
        assert int(response.headers["Retry-After"]) >= 1
    assert max(measure_seconds(lambda: owner.get("/auth/me")) for _ in range(20)) < 2
    assert len(paused.rejected()) == DUPLICATES - MAX_WAITING


def test_waiting_duplicates_get_the_response_to_the_first_request(paused: PausedRequest) -> None:
    paused.rejected()
    paused.point.release()
    first = paused.first.result()
    responses = [duplicate.result() for duplicate in paused.duplicates]
    waited = [response for response in responses if response.status_code != 409]
    assert first.status_code == 201
    assert len(waited) == MAX_WAITING
    assert {(response.data, response.headers["Idempotency-Replayed"]) for response in waited} == {(first.data, "true")}


def test_duplicates_wait_at_most_five_seconds(paused: PausedRequest) -> None:
    started = time.monotonic()
    paused.rejected()
    for duplicate in paused.duplicates:
        problem(duplicate.result(), 409, "idempotency-key-in-use")  # type: ignore[arg-type]
    assert 4 < time.monotonic() - started < 8
    assert not paused.first.done()
    paused.point.release()
    assert paused.send().data == paused.first.result().data
