"""The broker breaks under a deployment on Redis: rows 6 to 9 of what may fail. No request ever waits for it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.clients.api import Api, created
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

PICTURE = Path(__file__).parents[1].joinpath("data", "photos", "rocket.jpg").read_bytes()
# The broker's own time-out, and what a busy machine needs on top.
BROKER_SECONDS = 2
BACKLOG = 20


@pytest.fixture
def owner(system: System) -> Api:
    """Somebody whose session is in the ledger."""
    return system.ledger.session(system.api.signed_in())


@pytest.fixture
def invite(system: System, owner: Api) -> Callable[[], float]:
    """Invites somebody, which must succeed and causes a job; how many seconds that took."""
    organization_id = created(system.ledger.organization(owner))["id"]

    def invite() -> float:
        began = time.monotonic()
        created(system.ledger.invitation(owner, organization_id))
        return time.monotonic() - began

    return invite


@pytest.mark.parametrize("fault", ["refuse", "swallow", "half_close"])
def test_a_request_is_answered_as_ever_whatever_the_broker_does(
    system: System, invite: Callable[[], float], fault: str
) -> None:
    normal = [invite() for _ in range(5)]
    getattr(system.proxies.broker, fault)()
    faulty = [invite() for _ in range(5)]
    assert max(faulty) < BROKER_SECONDS / 2, (normal, faulty)
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()


def test_a_file_is_taken_without_the_broker_and_gets_its_thumbnails_later(system: System, owner: Api) -> None:
    system.proxies.broker.refuse()
    file = created(system.ledger.file(owner, PICTURE, "rocket.jpg"))
    assert created(owner.get(f"/files/{file['id']}"))["thumbnails"]["status"] == "pending"
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()
    assert created(owner.get(f"/files/{file['id']}"))["thumbnails"]["status"] == "ready"


@pytest.mark.parametrize("fault", ["refuse", "swallow"])
@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=[pytest.mark.full, pytest.mark.timeout(300)])])
def test_a_backlog_drains_when_the_broker_is_back_and_each_effect_is_there_once(
    system: System, invite: Callable[[], float], fault: str, seconds: int
) -> None:
    getattr(system.proxies.broker, fault)()
    for _ in range(BACKLOG):
        invite()
    time.sleep(seconds)
    assert system.ledger.undone() >= BACKLOG
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()
    assert len({str(mail["To"]) for mail in system.behind.mails()} & system.ledger.invited) == BACKLOG


def test_a_broker_that_lost_everything_is_given_it_again(system: System, invite: Callable[[], float]) -> None:
    for worker in ("worker-1", "worker-2"):
        system.deployment.kill(worker)
    for _ in range(BACKLOG):
        invite()
    eventually(lambda: system.behind.messages() > 0)
    system.behind.lose_messages()
    assert system.ledger.undone() >= BACKLOG
    system.deployment.revive()
    system.ledger.ensure_nothing_lost()


def test_a_broker_that_is_emptied_again_and_again_loses_nothing(system: System, invite: Callable[[], float]) -> None:
    for _ in range(BACKLOG):
        invite()
        system.behind.lose_messages()
    system.ledger.ensure_nothing_lost()
