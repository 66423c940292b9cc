"""RabbitMQ as the broker, selected by its URL: jobs run, and none are lost if the broker loses all messages."""

from collections.abc import Iterator

import pytest

from tests.kit.clients.api import success
from tests.kit.deployment.system import System, deploy_on_services
from tests.kit.servers import services
from tests.kit.servers.process import eventually
from tests.kit.servers.rabbitmq import rabbitmq

pytestmark = pytest.mark.full

BACKLOG = 5


@pytest.fixture(scope="module")
def shared_system(
    postgres_server: services.Postgres, s3_server: services.S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A deployment with RabbitMQ instead of Redis."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    with rabbitmq() as broker, deploy_on_services(folder, postgres_server, s3_server, broker) as system:
        yield system


def create_invitations(system: System) -> None:
    owner = system.ledger.session(system.api.as_new_user())
    organization = success(system.ledger.organization(owner))
    for _ in range(BACKLOG):
        success(system.ledger.invitation(owner, organization["id"]))


def test_jobs_run_on_rabbitmq(system: System) -> None:
    create_invitations(system)
    system.ledger.ensure_nothing_lost()


def test_no_job_is_lost_if_broker_loses_all_messages(system: System) -> None:
    for worker in ("worker-1", "worker-2"):
        system.deployment.kill(worker)
    create_invitations(system)
    eventually(lambda: system.inspection.count_messages() >= BACKLOG)
    system.inspection.drop_messages()
    system.deployment.restart_ended()
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("fault", ["shut_down", "stall", "reset_connections"])
def test_jobs_enqueued_during_a_broker_fault_run_after_the_fault_ends(system: System, fault: str) -> None:
    getattr(system.proxies.broker, fault)()
    create_invitations(system)
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()
