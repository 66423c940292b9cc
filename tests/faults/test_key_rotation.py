"""Signing keys are rotated in a running deployment while clients use and refresh their tokens."""

import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from tests.kit.clients.api import Api, problem, success
from tests.kit.clients.remote import Remote
from tests.kit.deployment.processes import (
    FAST_SETTINGS,
    Deployment,
    deployment,
    local_environment,
    new_signing_key,
)
from tests.kit.deployment.programs import ROOT, command

CLIENTS = 3


class Router(Remote):
    """Sends a request to the next web process if one does not accept connections, as a platform's router does."""

    def open(self, path: str, **options: Any) -> Any:
        for _ in range(10):
            try:
                return super().open(path, **options)
            except HTTPError:
                pass
        raise ConnectionError("no web process accepts connections")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Deployment]:
    """Two web processes with one signing key."""
    environment = {**local_environment(tmp_path), **FAST_SETTINGS, "JWT_KEYS": new_signing_key()}
    with deployment(environment, folder=tmp_path, web=2, worker=0, beat=0) as running:
        yield running


@pytest.mark.full
def test_rotation_of_signing_keys_under_load_rejects_no_token(running: Deployment) -> None:
    sessions = [Api(Router(*running.urls.values())).as_new_user() for _ in range(CLIENTS)]  # type: ignore[arg-type]
    with load(sessions) as refreshed:
        rotate(running, "add")
        rotate(running, "promote")
    # Instead of waiting until the old tokens have expired, continue with the refreshed ones.
    with load(refreshed):
        rotate(running, "retire")
    assert refreshed[0].get("/auth/me").status_code == 200
    for _ in running.urls:
        problem(sessions[0].get("/auth/me"), 401, "token-invalid")


@contextmanager
def load(sessions: list[Api]) -> Iterator[list[Api]]:
    """Use and refresh tokens concurrently. Yields a list that finally contains a client with the last tokens of each.

    Fails if any request fails.
    """
    end, refreshed = Event(), list[Api]()
    with ThreadPoolExecutor(len(sessions)) as pool:
        clients = [pool.submit(_use_and_refresh, session, end) for session in sessions]
        try:
            yield refreshed
        finally:
            end.set()
    refreshed.extend(client.result() for client in clients)


def _use_and_refresh(session: Api, end: Event) -> Api:
    latest = session
    while not end.wait(0.02):
        latest = replace(latest, tokens=success(latest.post("/auth/refresh", refresh_token(latest))))
        for each in (session, latest, latest):
            success(each.get("/auth/me"))
    return latest


def refresh_token(session: Api) -> dict[str, str]:
    return {"refresh_token": session.tokens["refresh_token"]}


def rotate(running: Deployment, step: str) -> None:
    """Run one step as an operator would: set the printed variable, and restart one web process after the other."""
    keys = command(f"flask --app wsgi keys {step}")
    done = subprocess.run(keys, cwd=ROOT, env=running.environment, capture_output=True, text=True, check=True)
    [assignment] = shlex.split(done.stdout)
    name, _, value = assignment.partition("=")
    running.environment[name] = value
    running.restart(*running.urls)
