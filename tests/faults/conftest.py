"""Fixtures: two complete deployments for all tests in this folder, one with external services, one with local backends.

Faults are injected from outside. Nothing in this folder imports the project: tests observe only the API, the processes
and the stored state of a deployment.
"""

from collections.abc import Iterator

import pytest

from tests.kit.deployment.system import System, deploy_on_local_backends, deploy_on_services
from tests.kit.servers import services

_MAX_LOG_CHARS = 3000


@pytest.fixture(scope="package")
def shared_system(
    postgres_server: services.Postgres, s3_server: services.S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A deployment with PostgreSQL, Redis, an S3-compatible store and SMTP. Tests request `system` instead."""
    folder = tmp_path_factory.mktemp("deployed")
    # Use a separate Redis server, because other tests flush the shared one.
    with services.redis() as broker, deploy_on_services(folder, postgres_server, s3_server, broker) as system:
        yield system


@pytest.fixture(scope="package")
def shared_local_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A deployment with local backends. Tests request `local_system` instead."""
    with deploy_on_local_backends(tmp_path_factory.mktemp("local")) as system:
        yield system


@pytest.fixture
def system(shared_system: System) -> Iterator[System]:
    """A healthy deployment with external services and an empty ledger. Faults are cleared after the test."""
    yield from _for_one_test(shared_system)


@pytest.fixture
def local_system(shared_local_system: System) -> Iterator[System]:
    """A healthy deployment with local backends and an empty ledger. Faults are cleared after the test."""
    yield from _for_one_test(shared_local_system)


def _for_one_test(shared: System) -> Iterator[System]:
    log_lengths = {name: len(shared.deployment.log(name)) for name in shared.deployment.processes}
    yield shared.with_new_ledger()
    for name, length in log_lengths.items():
        # Print the log, because pytest shows the captured output of a failed test.
        print(f"--- {name}\n{shared.deployment.log(name)[length:][-_MAX_LOG_CHARS:]}")
    shared.heal()
