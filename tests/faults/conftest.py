"""A whole deployment for each module, on services and on embedded parts. Faults come from outside.

Nothing here imports the project: what is under test is known by its API, its processes and what it keeps.
"""

from collections.abc import Iterator

import pytest

from tests.kit.deployment.system import System, deploy_on_local_backends, deploy_on_services
from tests.kit.servers import services

_LAST_WORDS = 3000


@pytest.fixture(scope="module")
def deployed(
    postgres_server: services.Postgres, s3_server: services.S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A deployment on PostgreSQL, Redis, an S3-compatible store and SMTP; tests ask for `system`."""
    folder = tmp_path_factory.mktemp("deployed")
    # A Redis of its own: others empty the one that all tests share.
    with services.redis() as broker, deploy_on_services(folder, postgres_server, s3_server, broker) as system:
        yield system


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A deployment on embedded parts; tests ask for `embedded_system`."""
    with deploy_on_local_backends(tmp_path_factory.mktemp("embedded")) as system:
        yield system


@pytest.fixture
def system(deployed: System) -> Iterator[System]:
    """A deployment that is well, with an empty ledger; it is mended after the test."""
    yield from _for_one_test(deployed)


@pytest.fixture
def embedded_system(embedded: System) -> Iterator[System]:
    """The same on embedded parts."""
    yield from _for_one_test(embedded)


def _for_one_test(shared: System) -> Iterator[System]:
    logs = {name: len(shared.deployment.log(name)) for name in shared.deployment.processes}
    yield shared.with_new_ledger()
    for name, heard in logs.items():
        # pytest shows it beside a failure.
        print(f"--- {name}\n{shared.deployment.log(name)[heard:][-_LAST_WORDS:]}")
    shared.heal()
