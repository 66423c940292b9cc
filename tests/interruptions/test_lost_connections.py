"""The database connection is lost during a request with an idempotency key.

The client gets 503. After a retry with the key, there is exactly one effect, whether or not the first transaction was
committed.
"""

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
from tests.kit.faults.pause_points import PausePoint, pause_at, wait_for_count
from tests.races import keyed_requests
from tests.races.keyed_requests import KeyedRequest
from tests.races.service import Service

pytestmark = [
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
    pytest.mark.parametrize(
        "prepare",
        [keyed_requests.organization, keyed_requests.invitation, keyed_requests.upload],
        ids=lambda prepare: prepare.__name__,
    ),
]


@dataclass(frozen=True)
class PausedRequest:
    """A paused request, and a function that retries it."""

    point: PausePoint
    request: KeyedRequest
    first: Future[Response]
    retry: Callable[[], Future[Response]]

    def ensure_unavailable(self) -> None:
        response = self.first.result()
        problem(response, 503, "service-unavailable")  # type: ignore[arg-type]
        assert int(response.headers["Retry-After"]) >= 1


@pytest.fixture
def service(app: Flask, api: Api, settings: Settings) -> Service:
    return Service(api, app, settings)


@contextmanager
def paused_request(
    service: Service, prepare: Callable[[Service], KeyedRequest], pause_point: str
) -> Iterator[PausedRequest]:
    """Send a request and yield it when it is paused at a pause point."""
    request, key = prepare(service), str(uuid4())
    with ThreadPoolExecutor(2) as pool, pause_at(service.settings.database_url, pause_point) as point:
        first = pool.submit(request.send, key)
        wait_for_count(1, point.count_paused)
        yield PausedRequest(point, request, first, lambda: pool.submit(request.send, key))


@pytest.mark.parametrize("pause_point", ["store-response", "commit-response"])
def test_request_has_no_effect_and_leaves_key_unused_if_connection_is_lost_before_commit(
    service: Service, prepare: Callable[[Service], KeyedRequest], pause_point: str
) -> None:
    with paused_request(service, prepare, pause_point) as paused:
        paused.point.end_connections()
        paused.ensure_unavailable()
        assert set(paused.request.effects()) <= {0}
        paused.point.release()
        retried = paused.retry().result()
    assert (retried.status_code, retried.headers.get("Idempotency-Replayed")) == (201, None)
    assert set(paused.request.effects()) == {1}


def test_retry_with_key_replays_response_if_connection_is_lost_during_commit(
    service: Service, prepare: Callable[[Service], KeyedRequest], commits: list[Any]
) -> None:
    with paused_request(service, prepare, "commit-response") as paused:
        shut_down_socket(commits[-1])
        paused.point.release()
        paused.ensure_unavailable()
        retried = paused.retry().result()
    assert (retried.status_code, retried.headers.get("Idempotency-Replayed")) == (201, "true")
    assert set(paused.request.effects()) == {1}


def test_retry_waits_for_commit_that_continues_after_connection_loss(
    service: Service, prepare: Callable[[Service], KeyedRequest], commits: list[Any]
) -> None:
    with paused_request(service, prepare, "commit-response") as paused:
        shut_down_socket(commits[-1])
        retried = paused.retry()
        wait_for_count(1, paused.point.count_waiting_duplicates)
        paused.point.release()
        paused.ensure_unavailable()
    assert (retried.result().status_code, retried.result().headers.get("Idempotency-Replayed")) == (201, "true")
    assert set(paused.request.effects()) == {1}


@pytest.fixture
def commits(app: Flask) -> list[Any]:
    """The database connections on which commits were started, in order."""
    connections: list[Any] = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "commit", lambda connection: connections.append(connection.connection.driver_connection))
    return connections


def shut_down_socket(connection: Any) -> None:
    """Shut down the client's end of a connection. The server does not notice until it sends something."""
    with socket.socket(fileno=os.dup(connection.fileno())) as client_end:
        client_end.shutdown(socket.SHUT_RDWR)
