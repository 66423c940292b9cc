"""A connection to the database is lost under a keyed request: the client is told 503, and its key finds out."""

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.wrappers import Response

from project.config import Settings
from project.infrastructure.database import db
from tests.kit.clients.api import Api, problem
from tests.kit.faults.pause_points import PausePoint, pause_at, wait_for
from tests.races import keyed_requests
from tests.races.keyed_requests import KeyedRequest
from tests.races.processes import WebProcesses

pytestmark = [
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
    pytest.mark.parametrize(
        "deed",
        [keyed_requests.organization, keyed_requests.invitation, keyed_requests.upload],
        ids=lambda d: d.__name__,
    ),
]


@dataclass(frozen=True)
class Doubt:
    """A request that is on its way, and how to send it again."""

    point: PausePoint
    deed: KeyedRequest
    first: Future[Response]
    again: Callable[[], Future[Response]]

    def is_told_so(self) -> None:
        answer = self.first.result()
        problem(answer, 503, "service-unavailable")  # type: ignore[arg-type]
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.fixture
def web(app: Flask, api: Api, settings: Settings) -> WebProcesses:
    return WebProcesses(api, app, settings)


@contextmanager
def in_doubt(web: WebProcesses, deed: Callable[[WebProcesses], KeyedRequest], *, at: str) -> Iterator[Doubt]:
    done, key = deed(web), str(uuid4())
    with ThreadPoolExecutor(2) as pool, pause_at(web.settings.database_url, at) as point:
        first = pool.submit(done.send, key)
        wait_for(1, point.count_paused)
        yield Doubt(point, done, first, lambda: pool.submit(done.send, key))


@pytest.mark.parametrize("at", ["store-response", "commit-response"])
def test_a_connection_ended_before_the_commit_leaves_nothing_and_the_key_free(
    web: WebProcesses, deed: Callable[[WebProcesses], KeyedRequest], at: str
) -> None:
    with in_doubt(web, deed, at=at) as doubt:
        doubt.point.end_connections()
        doubt.is_told_so()
        assert set(doubt.deed.effects()) <= {0}
        doubt.point.release()
        again = doubt.again().result()
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, None)
    assert set(doubt.deed.effects()) == {1}


def test_a_commit_whose_outcome_was_lost_is_found_by_the_key(
    web: WebProcesses, deed: Callable[[WebProcesses], KeyedRequest], commits: list[Any]
) -> None:
    with in_doubt(web, deed, at="commit-response") as doubt:
        hang_up(commits[-1])
        doubt.point.release()
        doubt.is_told_so()
        again = doubt.again().result()
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, "true")
    assert set(doubt.deed.effects()) == {1}


def test_a_retry_waits_for_a_commit_that_goes_on_without_its_client(
    web: WebProcesses, deed: Callable[[WebProcesses], KeyedRequest], commits: list[Any]
) -> None:
    with in_doubt(web, deed, at="commit-response") as doubt:
        hang_up(commits[-1])
        again = doubt.again()
        wait_for(1, doubt.point.count_waiting_duplicates)
        doubt.point.release()
        doubt.is_told_so()
    assert (again.result().status_code, again.result().headers.get("Idempotency-Replayed")) == (201, "true")
    assert set(doubt.deed.effects()) == {1}


@pytest.fixture
def commits(app: Flask) -> list[Any]:
    """The connections that were told to commit."""
    seen: list[Any] = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "commit", lambda connection: seen.append(connection.connection.driver_connection))
    return seen


def hang_up(connection: Any) -> None:
    """Cut our end of a connection: the server does not notice before it has something to say."""
    with socket.socket(fileno=os.dup(connection.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)
