"""A complete deployment for each test module, on services or on local backends. Faults are injected from outside.

Nothing in this folder imports the project. Tests see a deployment's API, its processes and its stored state only.
"""

from collections.abc import Iterator

import pytest

from tests.kit.deployment.system import System, deploy_on_local_backends, deploy_on_services
from tests.kit.servers import services

_MAX_LOG_CHARS = 3000


@pytest.fixture(scope="module")
def shared_system(
    postgres_server: services.Postgres, s3_server: services.S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A deployment on PostgreSQL, Redis, an S3-compatible store and SMTP. Tests request `system` instead."""
    folder = tmp_path_factory.mktemp("deployed")
    # A separate Redis, because other tests flush the shared one.
    with services.redis() as broker, deploy_on_services(folder, postgres_server, s3_server, broker) as system:
        yield system


@pytest.fixture(scope="module")
def shared_local_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A deployment on local backends. Tests request `local_system` instead."""
    with deploy_on_local_backends(tmp_path_factory.mktemp("local")) as system:
        yield system


@pytest.fixture
def system(shared_system: System) -> Iterator[System]:
    """A healthy deployment on services, with an empty ledger. It is healed after the test."""
    yield from _for_one_test(shared_system)


@pytest.fixture
def local_system(shared_local_system: System) -> Iterator[System]:
    """A healthy deployment on local backends, with an empty ledger. It is healed after the test."""
    yield from _for_one_test(shared_local_system)


def _for_one_test(shared: System) -> Iterator[System]:
    log_lengths = {name: len(shared.deployment.log(name)) for name in shared.deployment.processes}
    yield shared.with_new_ledger()
    for name, length in log_lengths.items():
        # pytest shows captured output next to a failure.
        print(f"--- {name}\n{shared.deployment.log(name)[length:][-_MAX_LOG_CHARS:]}")
    shared.heal()
