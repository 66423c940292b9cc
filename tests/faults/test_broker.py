"""Failure matrix, rows 6 to 9: the broker (Redis) fails. No request ever waits for the broker."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.clients.api import Api, success
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

PICTURE = Path(__file__).parents[1].joinpath("data", "photos", "rocket.jpg").read_bytes()
# The broker client's timeout. A request that takes at least half as long must have waited for the broker.
BROKER_TIMEOUT_SECONDS = 2
BACKLOG = 20


@pytest.fixture
def owner(system: System) -> Api:
    """A user whose session is recorded in the ledger."""
    return system.ledger.session(system.api.as_new_user())


@pytest.fixture
def invite(system: System, owner: Api) -> Callable[[], float]:
    """A function that creates an invitation, which enqueues a job, and returns the request's duration in seconds."""
    organization_id = success(system.ledger.organization(owner))["id"]

    def invite() -> float:
        started = time.monotonic()
        success(system.ledger.invitation(owner, organization_id))
        return time.monotonic() - started

    return invite


@pytest.mark.parametrize("fault", ["shut_down", "stall", "half_close"])
def test_broker_faults_do_not_slow_down_requests(system: System, invite: Callable[[], float], fault: str) -> None:
    normal = [invite() for _ in range(5)]
    getattr(system.proxies.broker, fault)()
    faulty = [invite() for _ in range(5)]
    assert max(faulty) < BROKER_TIMEOUT_SECONDS / 2, (normal, faulty)
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()


def test_upload_succeeds_without_broker_and_thumbnails_are_created_later(system: System, owner: Api) -> None:
    system.proxies.broker.shut_down()
    file = success(system.ledger.file(owner, PICTURE, "rocket.jpg"))
    assert success(owner.get(f"/files/{file['id']}"))["thumbnails"]["status"] == "pending"
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()
    assert success(owner.get(f"/files/{file['id']}"))["thumbnails"]["status"] == "ready"


@pytest.mark.parametrize("fault", ["shut_down", "stall"])
@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.full)])
def test_backlog_is_processed_when_broker_recovers_and_each_job_takes_effect_once(
    system: System, invite: Callable[[], float], fault: str, seconds: int
) -> None:
    getattr(system.proxies.broker, fault)()
    for _ in range(BACKLOG):
        invite()
    time.sleep(seconds)
    assert system.ledger.count_unfinished_jobs() >= BACKLOG
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()
    recipients = {str(email["To"]) for email in system.inspection.emails()}
    assert len(recipients & system.ledger.invited_addresses) == BACKLOG


def test_jobs_are_republished_after_broker_loses_all_messages(system: System, invite: Callable[[], float]) -> None:
    for worker in ("worker-1", "worker-2"):
        system.deployment.kill(worker)
    for _ in range(BACKLOG):
        invite()
    eventually(lambda: system.inspection.count_messages() > 0)
    system.inspection.drop_messages()
    assert system.ledger.count_unfinished_jobs() >= BACKLOG
    system.deployment.restart_ended()
    system.ledger.ensure_nothing_lost()


def test_no_job_is_lost_if_broker_repeatedly_loses_messages(system: System, invite: Callable[[], float]) -> None:
    for _ in range(BACKLOG):
        invite()
        system.inspection.drop_messages()
    system.ledger.ensure_nothing_lost()
