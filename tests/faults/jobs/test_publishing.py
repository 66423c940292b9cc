"""A job goes to the broker with its commit, and however often the broker delivers it, it is done once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import sleep

from redis import Redis

from tests.faults.jobs.observations import held_at, invite, workers
from tests.kit.clients.api import created
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import stopped
from tests.kit.servers.process import eventually

QUEUE = "invitations"


@contextmanager
def workers_standing_still(system: System, broker: Redis) -> Iterator[None]:
    """What is published stays in the broker."""
    with stopped(workers(system)):
        # A worker that was waiting for a message still gets one, which stays unread.
        eventually(lambda: broker.info("clients")["blocked_clients"] == 0)
        yield


def broker_of(system: System) -> Redis:
    return Redis.from_url(system.deployment.environment["BROKER_URL"])


def test_nobody_is_told_of_a_job_before_its_commit(system: System) -> None:
    owner = system.api.signed_in()
    organization_id = created(system.ledger.organization(owner))["id"]
    with broker_of(system) as broker, workers_standing_still(system, broker), ThreadPoolExecutor(1) as client:
        with held_at(system, "committing an answer") as gate:
            client.submit(system.ledger.invitation, owner, organization_id)
            eventually(lambda: gate.arrived() == 1)
            sleep(1)
            assert broker.llen(QUEUE) == 0
        eventually(lambda: broker.llen(QUEUE) == 1)


def test_a_job_that_the_broker_delivers_again_and_again_has_one_effect(system: System) -> None:
    system.mail.faults.held.add("DATA")
    with broker_of(system) as broker:
        with workers_standing_still(system, broker):
            invited = invite(system)
            eventually(lambda: broker.llen(QUEUE) == 1)
            [message] = broker.lrange(QUEUE, 0, -1)
            broker.lpush(QUEUE, message)
        eventually(lambda: len(invited.copies) == 1 and broker.llen(QUEUE) == 0)
        # Long enough for the twin to be looked at, too.
        sleep(1)
        system.mail.faults.held.clear()
        eventually(lambda: invited.job.status == "done")
        done = invited.job
        broker.lpush(QUEUE, message)
        eventually(lambda: broker.llen(QUEUE) == 0)
    later = invite(system)
    eventually(lambda: later.job.status == "done")
    assert (invited.job, done.attempts, len(invited.copies)) == (done, 1, 1)
