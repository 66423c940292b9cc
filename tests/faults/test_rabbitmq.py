"""RabbitMQ as the broker, chosen by its URL: jobs go through it, and losing all that it holds loses none."""

from collections.abc import Iterator

import pytest

from tests.kit.clients.api import created
from tests.kit.deployment.system import System, deploy_on_services
from tests.kit.servers import services
from tests.kit.servers.process import eventually
from tests.kit.servers.rabbitmq import rabbitmq

pytestmark = pytest.mark.full

BACKLOG = 5


@pytest.fixture(scope="module")
def deployed(
    postgres_server: services.Postgres, s3_server: services.S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A deployment like the others', on RabbitMQ."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    with rabbitmq() as broker, deploy_on_services(folder, postgres_server, s3_server, broker) as system:
        yield system


def invite(system: System) -> None:
    owner = system.ledger.session(system.api.signed_in())
    organization = created(system.ledger.organization(owner))
    for _ in range(BACKLOG):
        created(system.ledger.invitation(owner, organization["id"]))


def test_jobs_go_through_it(system: System) -> None:
    invite(system)
    system.ledger.ensure_nothing_lost()


def test_losing_its_messages_loses_no_job(system: System) -> None:
    for worker in ("worker-1", "worker-2"):
        system.deployment.kill(worker)
    invite(system)
    eventually(lambda: system.behind.messages() >= BACKLOG)
    system.behind.lose_messages()
    system.deployment.revive()
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("fault", ["refuse", "swallow", "cut"])
def test_jobs_go_on_when_it_is_back(system: System, fault: str) -> None:
    getattr(system.proxies.broker, fault)()
    invite(system)
    system.proxies.broker.heal()
    system.ledger.ensure_nothing_lost()
