"""A job is published only after its transaction is committed, and runs once even if it is delivered repeatedly."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import sleep

from redis import Redis

from tests.faults.jobs.observations import invite, paused_at, worker_pids
from tests.kit.clients.api import success
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import stopped
from tests.kit.servers.process import eventually

QUEUE = "invitations"


@contextmanager
def workers_stopped(system: System, broker: Redis) -> Iterator[None]:
    """Stop the workers, so that published messages stay in the broker."""
    with stopped(worker_pids(system)):
        # Redis would send a message to a stopped worker that is still blocked waiting for one.
        eventually(lambda: broker.info("clients")["blocked_clients"] == 0)
        yield


def broker_of(system: System) -> Redis:
    return Redis.from_url(system.deployment.environment["BROKER_URL"])


def test_job_is_not_published_before_its_transaction_is_committed(system: System) -> None:
    owner = system.api.as_new_user()
    organization_id = success(system.ledger.organization(owner))["id"]
    with broker_of(system) as broker, workers_stopped(system, broker), ThreadPoolExecutor(1) as client:
        with paused_at(system, "commit-response") as point:
            client.submit(system.ledger.invitation, owner, organization_id)
            eventually(lambda: point.count_paused() == 1)
            sleep(1)
            assert broker.llen(QUEUE) == 0
        eventually(lambda: broker.llen(QUEUE) == 1)


def test_job_that_is_delivered_more_than_once_runs_only_once(system: System) -> None:
    system.mail.faults.unanswered_commands.add("DATA")
    with broker_of(system) as broker:
        with workers_stopped(system, broker):
            invitation = invite(system)
            eventually(lambda: broker.llen(QUEUE) == 1)
            [message] = broker.lrange(QUEUE, 0, -1)
            broker.lpush(QUEUE, message)
        eventually(lambda: len(invitation.copies) == 1 and broker.llen(QUEUE) == 0)
        # Give a worker time to process the duplicate message as well.
        sleep(1)
        system.mail.faults.unanswered_commands.clear()
        eventually(lambda: invitation.job.status == "done")
        done = invitation.job
        broker.lpush(QUEUE, message)
        eventually(lambda: broker.llen(QUEUE) == 0)
    later = invite(system)
    eventually(lambda: later.job.status == "done")
    assert (invitation.job, done.attempts, len(invitation.copies)) == (done, 1, 1)
