"""Fixtures for running jobs in the test process."""

from collections.abc import Callable
from uuid import UUID

import pytest
from celery import current_app as celery
from flask import Flask

from tests.kit.fixtures.jobs import list_jobs
from worker.discovery import import_tasks


@pytest.fixture
def run_newest_job(app: Flask) -> Callable[[str], UUID]:
    """A function that runs the newest job with the given name as a worker would, and returns the job's id."""
    import_tasks(app)

    def run(name: str) -> UUID:
        job_id: UUID = list_jobs(name)[-1].id
        celery.tasks[name].run(str(job_id))
        return job_id

    return run
