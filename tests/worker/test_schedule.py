"""The schedule: its tasks are registered, and each periodic job runs once per interval even with several schedulers."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask

from project.blueprints.files import jobs as files
from project.config import Settings
from project.infrastructure import clock
from tests.kit.fixtures.jobs import get_job, list_jobs, run_concurrently
from worker.broker import queue_of
from worker.discovery import job_modules, periodic_jobs
from worker.runner import JobPolicy, run_job
from worker.schedule import TICK, schedule, tick

NAME, SECONDS = "worker.purge_jobs", 3600


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_periodic_jobs_of_worker_and_blueprints_are_scheduled(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(files.PERIODIC, "files.archive", timedelta(minutes=5))
    monkeypatch.setitem(files.PERIODIC, "files.report", timedelta(days=1))
    ticks = {(*entry["args"], entry["schedule"]) for entry in schedule(app).values() if entry["task"] == TICK}
    assert ticks >= {(NAME, SECONDS, 3600), ("invitations.expire", 60, 60), ("files.archive", 300, 300)}
    # A job with a long interval gets a tick every hour, but runs only once per interval.
    assert ("files.report", 24 * 3600, 3600) in ticks


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("interval", [timedelta(0), timedelta(days=7, seconds=1)])
def test_periodic_job_with_invalid_interval_is_rejected(
    app: Flask, monkeypatch: pytest.MonkeyPatch, interval: timedelta
) -> None:
    monkeypatch.setitem(files.PERIODIC, "files.archive", interval)
    with pytest.raises(RuntimeError, match=r"files\.archive"):
        periodic_jobs(app)


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
def test_every_scheduled_task_and_declared_job_is_registered_in_worker(settings: Settings, app: Flask) -> None:
    script = (
        "import sys; from worker.app import celery; schedule = celery.conf.beat_schedule;"
        "expected = {*sys.argv[1:], *schedule} | {entry['task'] for entry in schedule.values()};"
        "print(*expected - celery.tasks.keys())"
    )
    names = [name for module in job_modules(app) for name in names_in(module)]
    assert "files.make_thumbnails" in names
    environment = {"APP_ENV": "development", "DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url}
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", script, *names], cwd=root, env=environment, capture_output=True, check=True
    )
    assert result.stdout.strip() == b""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_job_names_begin_with_their_blueprint_so_that_each_blueprint_has_one_queue(app: Flask) -> None:
    queues = {module.__name__: {queue_of(name) for name in names_in(module)} for module in job_modules(app)}
    assert queues == {module.__name__: {module.__name__.split(".")[-2]} for module in job_modules(app)}


def names_in(module: ModuleType) -> list[str]:
    """Return the job names that a `jobs` module declares."""
    return [value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)]
