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
from tests.kit.faults.pause_points import held, wait_for
from tests.races import keyed_requests
from tests.races.keyed_requests import Deed
from tests.races.processes import Arena

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def arena(app: Flask, settings: Settings) -> Iterator[Arena]:
    with programs(settings, WEB_CONCURRENCY="1").web() as url:
        yield Arena(Api(Remote(url)), app, settings)  # type: ignore[arg-type]


def repeated(send: Callable[[str], Response], key: str) -> Response:
    """What a client gets that sends again until it gets an answer."""
    for _ in range(100):
        try:
            return send(key)
        except HTTPError:
            continue
    raise AssertionError("no answer")


def retried_after_a_kill(arena: Arena, done: Deed, key: str, at: str) -> Response:
    """The answer to the retry of a request whose process was killed at a point."""
    with ThreadPoolExecutor(1) as pool, held(arena.settings.database_url, at) as point:
        first = pool.submit(done.send, key)
        wait_for(1, point.arrived)
        point.kill()
        with pytest.raises(HTTPError):
            first.result()
        point.open()
        return repeated(done.send, key)


@pytest.mark.parametrize("deed", [keyed_requests.organization, keyed_requests.upload], ids=lambda deed: deed.__name__)
def test_a_commit_that_outlived_its_process_is_found_by_the_key(arena: Arena, deed: Callable[[Arena], Deed]) -> None:
    done, key = deed(arena), str(uuid4())
    again = retried_after_a_kill(arena, done, key, "committing an answer")
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, "true")
    assert set(done.effects()) == {1}


def test_a_process_killed_before_its_commit_leaves_the_key_free(arena: Arena) -> None:
    done, key = keyed_requests.invitation(arena), str(uuid4())
    again = retried_after_a_kill(arena, done, key, "keeping an answer")
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, None)
    assert set(done.effects()) == {1}
