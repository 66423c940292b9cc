"""Fixtures: a deployment shared by all tests in this folder, and workers without a web process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.jobs.bare_workers import JobProcesses, prepare_job_processes
from tests.kit.deployment.system import System, deploy_on_services
from tests.kit.servers import services


@pytest.fixture(scope="package")
def shared_system(
    postgres_server: services.Postgres, s3_server: services.S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A deployment that allows two attempts per job and has a short shutdown grace period.

    The time limit leaves enough time for the grace period on a busy machine.
    """
    folder = tmp_path_factory.mktemp("jobs")
    settings = {"JOB_MAX_ATTEMPTS": "2", "JOB_SHUTDOWN_GRACE_SECONDS": "2", "JOB_TIME_LIMIT_SECONDS": "20"}
    with (
        services.redis() as broker,
        deploy_on_services(folder, postgres_server, s3_server, broker, **settings) as system,
    ):
        yield system


@pytest.fixture
def system(system: System) -> Iterator[System]:
    """The shared deployment. Dead jobs are deleted after each test."""
    yield system
    system.inspection.rows("DELETE FROM jobs WHERE status = 'dead' RETURNING id")


@pytest.fixture
def job_processes(postgres_server: services.Postgres, tmp_path: Path) -> Iterator[JobProcesses]:
    """Workers and schedulers, not yet running, with a migrated database and an empty broker."""
    database = postgres_server.create_database()
    with services.redis() as broker:
        yield prepare_job_processes(tmp_path, database=database, broker=broker.url)
    postgres_server.drop(database)
