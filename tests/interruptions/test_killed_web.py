"""A real web process is killed during a request with an idempotency key. After a retry, there is exactly one effect."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from flask import Flask
from urllib3.exceptions import HTTPError
from werkzeug.wrappers import Response

from project.config import Settings
from tests.kit.clients.api import Api
from tests.kit.clients.remote import Remote
from tests.kit.deployment.programs import programs
from tests.kit.faults.pause_points import pause_at, wait_for_count
from tests.races import keyed_requests
from tests.races.keyed_requests import KeyedRequest
from tests.races.service import Service

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def service(app: Flask, settings: Settings) -> Iterator[Service]:
    with programs(settings, WEB_CONCURRENCY="1").web() as url:
        yield Service(Api(Remote(url)), app, settings)  # type: ignore[arg-type]


def retry(send: Callable[[str], Response], key: str) -> Response:
    """Send a request repeatedly until there is a response."""
    for _ in range(100):
        try:
            return send(key)
        except HTTPError:
            continue
    raise AssertionError("no response")


def retry_after_kill(service: Service, request: KeyedRequest, key: str, pause_point: str) -> Response:
    """Send a request, kill the web process at a pause point, and return the response to a retry."""
    with ThreadPoolExecutor(1) as pool, pause_at(service.settings.database_url, pause_point) as point:
        first = pool.submit(request.send, key)
        wait_for_count(1, point.count_paused)
        point.kill()
        with pytest.raises(HTTPError):
            first.result()
        point.release()
        return retry(request.send, key)


@pytest.mark.parametrize(
    "prepare", [keyed_requests.organization, keyed_requests.upload], ids=lambda prepare: prepare.__name__
)
def test_retry_with_key_replays_response_if_process_is_killed_during_commit(
    service: Service, prepare: Callable[[Service], KeyedRequest]
) -> None:
    request, key = prepare(service), str(uuid4())
    response = retry_after_kill(service, request, key, "commit-response")
    assert (response.status_code, response.headers.get("Idempotency-Replayed")) == (201, "true")
    assert set(request.effects()) == {1}


def test_idempotency_key_remains_unused_if_process_is_killed_before_commit(service: Service) -> None:
    request, key = keyed_requests.invitation(service), str(uuid4())
    response = retry_after_kill(service, request, key, "store-response")
    assert (response.status_code, response.headers.get("Idempotency-Replayed")) == (201, None)
    assert set(request.effects()) == {1}
