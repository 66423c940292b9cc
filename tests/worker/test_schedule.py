"""The schedule: its tasks are registered, and each periodic job runs once per interval even with several schedulers."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from project.config import Settings
from project.infrastructure import clock
from tests.kit.fixtures.jobs import get_job, list_jobs, run_concurrently
from worker.runner import JobPolicy, run_job
from worker.schedule import PERIODIC, TICK, schedule, tick

NAME, SECONDS = "worker.purge_jobs", 3600


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_every_periodic_job_has_a_scheduled_tick(settings: Settings) -> None:
    ticks = {entry["args"] for entry in schedule(settings).values() if entry["task"] == TICK}
    assert ticks == set(PERIODIC.items())


def test_concurrent_ticks_enqueue_only_one_job(app: Flask) -> None:
    run_concurrently(app, lambda: tick(NAME, SECONDS))
    assert [row.name for row in list_jobs()] == [NAME]


def test_completed_job_is_not_enqueued_again_in_same_interval() -> None:
    tick(NAME, SECONDS)
    [row] = list_jobs()
    run_job(row.id, JobPolicy(lambda: None))
    tick(NAME, SECONDS)
    assert get_job(row.id).status == "done"
    assert len(list_jobs()) == 1


def test_new_job_is_enqueued_in_next_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.now()
    for hours in (0, 1, 1):
        monkeypatch.setattr("worker.schedule.now", lambda hours=hours: at + timedelta(hours=hours))
        tick(NAME, SECONDS)
    assert len(list_jobs()) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_scheduled_task_is_registered_in_worker(settings: Settings) -> None:
    script = (
        "from worker.app import celery; from worker.schedule import PERIODIC;"
        "scheduled = {entry['task'] for entry in celery.conf.beat_schedule.values()} | PERIODIC.keys();"
        "print(*scheduled - celery.tasks.keys())"
    )
    environment = {"APP_ENV": "development", "DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url}
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", script], cwd=root, env=environment, capture_output=True, check=True)
    assert result.stdout.strip() == b""
