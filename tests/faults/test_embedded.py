"""What can befall a deployment on embedded parts: its database is locked, or its broker's folder is gone or empty."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import pytest

from tests.kit.clients.api import Api, created, problem
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

BACKLOG = 10


@pytest.fixture
def system(embedded_system: System) -> System:
    return embedded_system


@pytest.fixture
def owner(system: System) -> Api:
    """Somebody whose session is in the ledger."""
    return system.ledger.session(system.api.signed_in())


@pytest.fixture
def invite(system: System, owner: Api) -> Callable[[], None]:
    """Invites somebody, which must succeed and causes a job."""
    organization_id = created(system.ledger.organization(owner))["id"]
    return lambda: created(system.ledger.invitation(owner, organization_id))


@contextmanager
def locked(system: System) -> Iterator[sqlite3.Connection]:
    """The database while somebody else writes to it."""
    with closing(sqlite3.connect(system.behind.database_url, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        yield rival


@contextmanager
def without_its_folder(system: System) -> Iterator[None]:
    """The broker while a file stands where its messages would be put."""
    queues = system.behind.mailbox.with_name("broker") / "queues"
    elsewhere = queues.rename(queues.with_name("elsewhere"))
    queues.touch()
    try:
        yield
    finally:
        queues.unlink()
        elsewhere.rename(queues)


def test_a_write_waits_for_the_database_while_reads_go_on(system: System, owner: Api) -> None:
    with ThreadPoolExecutor(1) as pool, locked(system) as rival:
        answer = pool.submit(system.ledger.organization, owner)
        time.sleep(1)
        assert owner.get("/auth/me").status_code == 200
        assert not answer.done()
        rival.execute("ROLLBACK")
        assert answer.result().status_code == 201
    system.ledger.ensure_nothing_lost()


@pytest.mark.full
def test_a_database_locked_for_too_long_is_said_and_nothing_is_left(system: System, owner: Api) -> None:
    send = partial(system.ledger.organization, owner)
    with locked(system):
        answer = send()
        problem(answer, 503, "service-unavailable")  # type: ignore[arg-type]
        assert int(answer.headers["Retry-After"]) >= 1
    assert send().status_code == 201
    assert len(created(owner.get("/organizations"))["items"]) == 1
    system.ledger.ensure_nothing_lost()


def test_a_request_is_answered_while_the_broker_cannot_take_its_job(system: System, invite: Callable[[], None]) -> None:
    with without_its_folder(system):
        for _ in range(BACKLOG):
            invite()
        assert system.ledger.undone() >= BACKLOG
    system.ledger.ensure_nothing_lost()


def test_a_broker_that_lost_everything_is_given_it_again(system: System, invite: Callable[[], None]) -> None:
    for worker in ("worker-1", "worker-2"):
        system.deployment.kill(worker)
    for _ in range(BACKLOG):
        invite()
    eventually(lambda: system.behind.messages() > 0)
    system.behind.lose_messages()
    assert system.ledger.undone() >= BACKLOG
    system.deployment.revive()
    system.ledger.ensure_nothing_lost()


def test_a_broker_that_is_emptied_again_and_again_loses_nothing(system: System, invite: Callable[[], None]) -> None:
    for _ in range(BACKLOG):
        invite()
        system.behind.lose_messages()
    system.ledger.ensure_nothing_lost()
