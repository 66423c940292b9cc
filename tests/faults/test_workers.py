"""Workers that are killed or stopped while they claim or finish a job, or whose clock is wrong."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.kit.clients.api import Api, success
from tests.kit.deployment.programs import child_pids
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import PausePoint, pause_at, stopped, wait_for_count
from tests.kit.faults.shifted_clock import shifted_clock

POINTS = ["claim-job", "commit-claim", "finish-job", "commit-finished-job"]
BACKLOG = 10
FIVE_MINUTES = 5 * 60


@dataclass(frozen=True)
class Inviter:
    """A new user with an organization."""

    system: System
    owner: Api
    organization_id: str

    @classmethod
    def of(cls, system: System) -> "Inviter":
        owner = system.ledger.session(system.api.as_new_user())
        return cls(system, owner, success(system.ledger.organization(owner))["id"])

    def invite(self, number: int = 1) -> None:
        for _ in range(number):
            success(self.system.ledger.invitation(self.owner, self.organization_id))


@contextmanager
def paused_job(system: System, pause_point: str) -> Iterator[PausePoint]:
    """Enqueue a job whose worker pauses at a pause point. Yield the point."""
    inviter = Inviter.of(system)
    # Jobs that the registration or the scheduler enqueued would pause there as well.
    wait_for_count(0, system.ledger.count_unfinished_jobs, seconds=30)
    with pause_at(system.inspection.database_url, pause_point, proxy=system.proxies.database) as point:
        inviter.invite()
        wait_for_count(1, point.count_paused)
        yield point


def worker_and_children(system: System, pid: int) -> list[int]:
    """Return the PIDs of the worker that owns the child `pid` and of all its children.

    Tests must stop them together: the main process would kill a stopped child at its time limit.
    """
    workers = [process.pid for name, process in system.deployment.processes.items() if name.startswith("worker")]
    [pids] = [[worker, *child_pids(worker)] for worker in workers if pid in child_pids(worker)]
    return pids


@pytest.mark.parametrize("pause_point", POINTS)
def test_job_of_killed_worker_is_completed_by_another_worker(system: System, pause_point: str) -> None:
    with paused_job(system, pause_point) as point:
        point.kill()
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("pause_point", ["commit-claim", pytest.param("commit-finished-job", marks=pytest.mark.full)])
def test_worker_resumed_after_its_lease_expired_has_no_effect(system: System, pause_point: str) -> None:
    with paused_job(system, pause_point) as point, stopped(worker_and_children(system, *point.pids())):
        point.release()
        system.ledger.ensure_nothing_lost()
    system.ledger.ensure_nothing_lost()


def test_worker_reconnects_to_broker_after_an_outage_during_a_job(system: System) -> None:
    system.deployment.kill("worker-2")
    with paused_job(system, "finish-job") as point:
        system.proxies.broker.shut_down()
        point.release()
        # Give the worker time to try to acknowledge the message.
        time.sleep(2)
        system.proxies.broker.heal()
    Inviter.of(system).invite(BACKLOG)
    system.ledger.ensure_nothing_lost()


@contextmanager
def clock_shifted_by(system: System, seconds: int) -> Iterator[None]:
    """Run `worker-2` with its clock shifted by `seconds`."""
    system.deployment.kill("worker-2")
    system.deployment.start("worker-2", **shifted_clock(seconds))
    yield
    system.deployment.kill("worker-2")


@pytest.mark.parametrize(
    "seconds",
    [FIVE_MINUTES, pytest.param(-FIVE_MINUTES, marks=[pytest.mark.full, pytest.mark.timeout(FIVE_MINUTES * 3)])],
)
def test_worker_with_shifted_clock_runs_each_job_once_and_delays_it_by_at_most_the_shift(
    system: System, seconds: int
) -> None:
    with clock_shifted_by(system, seconds):
        Inviter.of(system).invite(BACKLOG)
        system.ledger.ensure_nothing_lost(seconds=abs(seconds) + 120)
    recipients = [str(email["To"]) for email in system.inspection.emails()]
    assert len([address for address in recipients if address in system.ledger.invited_addresses]) == BACKLOG
