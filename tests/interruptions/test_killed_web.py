"""A real web process is killed under a keyed request: the client's connection breaks, and its key finds out."""

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
from tests.kit.faults.pause_points import pause_at, wait_for
from tests.races import keyed_requests
from tests.races.keyed_requests import KeyedRequest
from tests.races.processes import WebProcesses

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def web(app: Flask, settings: Settings) -> Iterator[WebProcesses]:
    with programs(settings, WEB_CONCURRENCY="1").web() as url:
        yield WebProcesses(Api(Remote(url)), app, settings)  # type: ignore[arg-type]


def repeated(send: Callable[[str], Response], key: str) -> Response:
    """What a client gets that sends again until it gets an answer."""
    for _ in range(100):
        try:
            return send(key)
        except HTTPError:
            continue
    raise AssertionError("no answer")


def retried_after_a_kill(web: WebProcesses, done: KeyedRequest, key: str, at: str) -> Response:
    """The answer to the retry of a request whose process was killed at a point."""
    with ThreadPoolExecutor(1) as pool, pause_at(web.settings.database_url, at) as point:
        first = pool.submit(done.send, key)
        wait_for(1, point.count_paused)
        point.kill()
        with pytest.raises(HTTPError):
            first.result()
        point.release()
        return repeated(done.send, key)


@pytest.mark.parametrize("deed", [keyed_requests.organization, keyed_requests.upload], ids=lambda deed: deed.__name__)
def test_a_commit_that_outlived_its_process_is_found_by_the_key(
    web: WebProcesses, deed: Callable[[WebProcesses], KeyedRequest]
) -> None:
    done, key = deed(web), str(uuid4())
    again = retried_after_a_kill(web, done, key, "commit-response")
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, "true")
    assert set(done.effects()) == {1}


def test_a_process_killed_before_its_commit_leaves_the_key_free(web: WebProcesses) -> None:
    done, key = keyed_requests.invitation(web), str(uuid4())
    again = retried_after_a_kill(web, done, key, "store-response")
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, None)
    assert set(done.effects()) == {1}
