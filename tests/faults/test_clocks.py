"""Web processes whose clocks differ or are set back: tokens expire within the leeway, and no invalid one is revived."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clients.api import Api, problem, success
from tests.kit.clients.remote import Remote
from tests.kit.deployment.processes import FAST_SETTINGS, Deployment, deployment, local_environment
from tests.kit.faults.shifted_clock import shifted_clock, stopped_clock

LIFETIME_SECONDS = 600
FIVE_MINUTES = 5 * 60


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment without processes."""
    environment = {**local_environment(tmp_path), **FAST_SETTINGS}
    with deployment(environment, folder=tmp_path, web=0, worker=0, beat=0) as running:
        yield running


def start(running: Deployment, name: str, clock: dict[str, str]) -> Api:
    """Start a web process with this clock; return a client for it."""
    running.start(name, **clock)
    return Api(Remote(running.urls[name]))  # type: ignore[arg-type]


def refresh(api: Api, tokens: dict[str, Any]) -> Any:
    return api.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})


def on(api: Api, tokens: dict[str, Any]) -> Api:
    """Return a client of `api` with these tokens."""
    return replace(api, tokens=tokens)


@pytest.mark.full
def test_access_token_is_accepted_by_processes_whose_clock_is_up_to_thirty_seconds_off(running: Deployment) -> None:
    issued_at = int(time.time())
    ada = start(running, "web-1", stopped_clock(issued_at)).as_new_user()
    outcomes = {}
    for seconds in (-31, -29, LIFETIME_SECONDS + 1, LIFETIME_SECONDS + 29, LIFETIME_SECONDS + 31):
        other = start(running, "web-2", stopped_clock(issued_at + seconds))
        response = on(other, ada.tokens).get("/auth/me")
        outcomes[seconds] = response.get_json(force=True).get("code", response.status_code)
        running.kill("web-2")
    assert outcomes == {-31: "token-invalid", -29: 200, 601: 200, 629: 200, 631: "token-expired"}


@pytest.mark.full
def test_clock_that_is_set_back_revives_no_replaced_or_ended_token(running: Deployment) -> None:
    ada = start(running, "web-1", {}).as_new_user()
    used, unused, ended, reused = (ada.with_new_session().tokens for _ in range(4))
    successor = success(refresh(ada, used))
    success(on(ada, successor).get("/auth/me"))
    newest = success(refresh(ada, success(refresh(ada, unused))))
    assert on(ada, ended).post("/auth/logout").status_code == 204
    reusable = success(refresh(ada, success(refresh(ada, reused))))
    problem(refresh(ada, reused), 401, "refresh-token-reused")
    running.kill("web-1")

    set_back = start(running, "web-1", shifted_clock(-FIVE_MINUTES))
    for tokens in (ended, reused, reusable):
        problem(refresh(set_back, tokens), 401, "refresh-token-invalid")
        assert on(set_back, tokens).get("/auth/me").status_code == 401
    problem(refresh(set_back, used), 401, "refresh-token-reused")
    problem(refresh(set_back, successor), 401, "refresh-token-invalid")
    latest = success(refresh(set_back, newest))
    assert on(set_back, latest).get("/auth/me").status_code == 200
    problem(on(set_back, newest).get("/auth/me"), 401, "token-invalid")
    running.kill("web-1")

    set_forward = start(running, "web-1", {})
    for tokens in (used, ended, reused):
        problem(refresh(set_forward, tokens), 401, "refresh-token-invalid")
        problem(on(set_forward, tokens).get("/auth/me"), 401, "token-revoked")
    assert on(set_forward, latest).get("/auth/me").status_code == 200
    success(refresh(set_forward, latest))
