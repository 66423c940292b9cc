"""Workers are killed or stopped at the points where a job changes hands, or have a clock that is wrong."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kit.clients.api import created
from tests.kit.deployment.programs import children
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import Point, held, stopped, wait_for
from tests.kit.faults.shifted_clock import shifted_clock

POINTS = ["claiming a job", "committing a claim", "ending a job", "committing an end"]
BACKLOG = 10
MINUTES = 5 * 60


def invite(system: System, number: int = 1) -> None:
    owner = system.ledger.session(system.api.signed_in())
    organization = created(system.ledger.organization(owner))
    for _ in range(number):
        created(system.ledger.invitation(owner, organization["id"]))


@contextmanager
def waiting(system: System, at: str) -> Iterator[Point]:
    """One job, whose worker has come to a point."""
    with held(system.behind.database_url, at, proxy=system.proxies.database) as point:
        invite(system)
        wait_for(1, point.arrived)
        yield point


def worker_of(system: System, pid: int) -> list[int]:
    """A worker whole: its main process would end a child that stands still."""
    workers = [process.pid for name, process in system.deployment.processes.items() if name.startswith("worker")]
    [family] = [[worker, *children(worker)] for worker in workers if pid in children(worker)]
    return family


@pytest.mark.parametrize("at", POINTS)
def test_a_job_whose_worker_is_killed_is_done_by_another(system: System, at: str) -> None:
    with waiting(system, at) as point:
        point.kill()
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("at", ["committing a claim", pytest.param("committing an end", marks=pytest.mark.full)])
def test_a_worker_that_stood_still_past_its_lease_changes_nothing(system: System, at: str) -> None:
    with waiting(system, at) as point, stopped(worker_of(system, *point.pids())):
        point.open()
        system.ledger.ensure_nothing_lost()
    system.ledger.ensure_nothing_lost()


def test_a_worker_whose_broker_goes_away_while_it_works_comes_back_to_it(system: System) -> None:
    system.deployment.kill("worker-2")
    with waiting(system, "ending a job") as point:
        system.proxies.broker.refuse()
        point.open()
        # Until the worker has tried to tell the broker that the job is done.
        time.sleep(2)
        system.proxies.broker.heal()
    invite(system, BACKLOG)
    system.ledger.ensure_nothing_lost()


@contextmanager
def with_clock(system: System, seconds: int) -> Iterator[None]:
    """The second worker with a clock that is so far ahead, or behind."""
    system.deployment.kill("worker-2")
    system.deployment.start("worker-2", **shifted_clock(seconds))
    yield
    system.deployment.kill("worker-2")


@pytest.mark.parametrize(
    "seconds", [MINUTES, pytest.param(-MINUTES, marks=[pytest.mark.full, pytest.mark.timeout(MINUTES * 2)])]
)
def test_a_worker_whose_clock_is_off_does_each_job_once_and_puts_none_off_for_longer(
    system: System, seconds: int
) -> None:
    with with_clock(system, seconds):
        invite(system, BACKLOG)
        system.ledger.ensure_nothing_lost(seconds=abs(seconds) + 30)
    delivered = [mail for mail in system.behind.mails() if str(mail["To"]) in system.ledger.invited]
    assert len(delivered) == BACKLOG
