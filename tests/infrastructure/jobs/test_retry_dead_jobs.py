"""Retrying all dead jobs skips those that are marked dead in the meantime, so that the command terminates."""

from datetime import timedelta

import pytest
from flask import Flask

from project.infrastructure import jobs
from project.infrastructure.clock import now
from tests.kit.fixtures.jobs import dead_job, get_job

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ON_SQLITE
def test_job_marked_dead_after_the_call_is_not_retried(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        job_id = dead_job()
        monkeypatch.setattr("project.infrastructure.jobs.admin.now", lambda: now() - timedelta(seconds=60))
        assert jobs.retry_dead_jobs(None) == 0
        assert get_job(job_id).status == "dead"
