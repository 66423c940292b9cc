"""Doing the jobs of a test in its own process."""

from collections.abc import Callable
from uuid import UUID

import pytest
from celery import current_app as celery

from tests.kit.fixtures.jobs import list_jobs
from worker.tasks import files, invitations  # noqa: F401 - their tasks are registered by being imported


@pytest.fixture
def do() -> Callable[[str], UUID]:
    """Do the newest job of a name, as a worker does, in the application at work; its id."""

    def do(name: str) -> UUID:
        job_id: UUID = list_jobs(name)[-1].id
        celery.tasks[name].run(str(job_id))
        return job_id

    return do
