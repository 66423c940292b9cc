"""Faults in a deployment with local backends: the database is locked, or the broker's folder is missing or empty."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import pytest

from tests.kit.clients.api import Api, problem, success
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

BACKLOG = 10


@pytest.fixture
def system(local_system: System) -> System:
    return local_system


@pytest.fixture
def owner(system: System) -> Api:
    """A user whose session is recorded in the ledger."""
    return system.ledger.session(system.api.as_new_user())


@pytest.fixture
def invite(system: System, owner: Api) -> Callable[[], None]:
    """A function that creates an invitation, which enqueues a job."""
    organization_id = success(system.ledger.organization(owner))["id"]
    return lambda: success(system.ledger.invitation(owner, organization_id))


@contextmanager
def locked(system: System) -> Iterator[sqlite3.Connection]:
    """Lock the database against other writers, and yield the connection that holds the lock."""
    with closing(sqlite3.connect(system.inspection.database_url, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        yield rival


@contextmanager
def broker_folder_missing(system: System) -> Iterator[None]:
    """Replace the broker's folder with a file, so that messages cannot be written."""
    queues = system.inspection.mailbox.with_name("broker") / "queues"
    elsewhere = queues.rename(queues.with_name("elsewhere"))
    queues.touch()
    try:
        yield
    finally:
        queues.unlink()
        elsewhere.rename(queues)


def test_write_waits_while_database_is_locked_and_reads_still_succeed(system: System, owner: Api) -> None:
    success(owner.get("/auth/me"))  # the first use of an access token is recorded, which is a write
    with ThreadPoolExecutor(1) as pool, locked(system) as rival:
        response = pool.submit(system.ledger.organization, owner)
        time.sleep(1)
        assert owner.get("/auth/me").status_code == 200
        assert not response.done()
        rival.execute("ROLLBACK")
        assert response.result().status_code == 201
    system.ledger.ensure_nothing_lost()


@pytest.mark.full
def test_write_returns_503_and_has_no_effect_if_database_stays_locked(system: System, owner: Api) -> None:
    send = partial(system.ledger.organization, owner)
    with locked(system):
        response = send()
        problem(response, 503, "service-unavailable")  # type: ignore[arg-type]
        assert int(response.headers["Retry-After"]) >= 1
    assert send().status_code == 201
    assert len(success(owner.get("/organizations"))["items"]) == 1
    system.ledger.ensure_nothing_lost()


def test_requests_succeed_while_broker_cannot_accept_jobs(system: System, invite: Callable[[], None]) -> None:
    with broker_folder_missing(system):
        for _ in range(BACKLOG):
            invite()
        assert system.ledger.count_unfinished_jobs() >= BACKLOG
    system.ledger.ensure_nothing_lost()


def test_jobs_are_republished_after_broker_loses_all_messages(system: System, invite: Callable[[], None]) -> None:
    for worker in ("worker-1", "worker-2"):
        system.deployment.kill(worker)
    for _ in range(BACKLOG):
        invite()
    eventually(lambda: system.inspection.count_messages() > 0)
    system.inspection.drop_messages()
    assert system.ledger.count_unfinished_jobs() >= BACKLOG
    system.deployment.restart_ended()
    system.ledger.ensure_nothing_lost()


def test_no_job_is_lost_if_broker_repeatedly_loses_messages(system: System, invite: Callable[[], None]) -> None:
    for _ in range(BACKLOG):
        invite()
        system.inspection.drop_messages()
    system.ledger.ensure_nothing_lost()
