"""One deployment for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.jobs.bare_workers import Workshop, workshop
from tests.kit.deployment.system import System, deploy_on_services
from tests.kit.servers import services


@pytest.fixture(scope="package")
def deployed(
    postgres_server: services.Postgres, s3_server: services.S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A deployment whose jobs may fail twice, and whose workers end soon."""
    folder = tmp_path_factory.mktemp("jobs")
    settings = {"JOB_MAX_ATTEMPTS": "2", "JOB_SHUTDOWN_GRACE_SECONDS": "2"}
    with (
        services.redis() as broker,
        deploy_on_services(folder, postgres_server, s3_server, broker, **settings) as system,
    ):
        yield system


@pytest.fixture
def system(system: System) -> Iterator[System]:
    """The same, with the dead letters of one test gone before the next."""
    yield system
    system.behind.rows("DELETE FROM jobs WHERE status = 'dead' RETURNING id")


@pytest.fixture
def shop(postgres_server: services.Postgres, tmp_path: Path) -> Iterator[Workshop]:
    """A database and a broker for workers, none of which runs yet."""
    database = postgres_server.create_database()
    with services.redis() as broker:
        yield workshop(tmp_path, database=database, broker=broker.url)
    postgres_server.drop(database)
