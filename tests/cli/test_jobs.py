"""The `flask jobs` commands."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import update

from project.config import Settings
from project.errors import ServiceUnavailable
from project.infrastructure import jobs
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id
from project.infrastructure.jobs import Job
from tests.kit.fixtures.jobs import JOB_NAME, claim_job, dead_job, done_job, enqueue_job, get_job, list_jobs

ROOT = Path(__file__).parents[2]
OTHER = "tests.another_job"
Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """A function that runs a `flask jobs` command and checks its exit code."""

    def run(*arguments: object, exit_code: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=["jobs", *map(str, arguments)])
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def statuses(*job_ids: UUID) -> list[str]:
    return [get_job(job_id).status for job_id in job_ids]


def test_list_shows_dead_jobs_with_their_errors(run: Run) -> None:
    file_id = new_id()
    job_id = dead_job(file_id=file_id)
    enqueue_job()
    [line] = [line for line in run("list").stdout.splitlines() if line.startswith(str(job_id))]
    assert line.endswith(f'  {JOB_NAME}  {{"file_id": "{file_id}"}}  attempts: 1  WorkFailed: temporary error')


def test_list_counts_queued_and_dead_jobs_by_name(run: Run) -> None:
    for create in (enqueue_job, enqueue_job, dead_job, done_job):
        create()
    dead_job(OTHER)
    counts = [line.split()[:3] for line in run("list").stdout.split("\n\n")[0].splitlines()]
    assert counts == [[JOB_NAME, "1", "dead"], [JOB_NAME, "2", "queued"], [OTHER, "1", "dead"]]


def test_list_filters_by_status_and_name_and_applies_the_limit(run: Run) -> None:
    done_job()
    ids = [done_job(OTHER) for _ in range(3)]
    lines = run("list", "--status", "done", "--name", OTHER, "--limit", 2).stdout.splitlines()
    assert [line.split()[0] for line in lines if OTHER in line] == [str(job_id) for job_id in reversed(ids[1:])]
    assert "there are more" in lines[-1]


def test_show_prints_the_columns_of_a_job(run: Run) -> None:
    shown = dict(line.split(maxsplit=1) for line in run("show", dead_job()).stdout.splitlines() if " " in line)
    assert (shown["name"], shown["status"], shown["last_error"]) == (JOB_NAME, "dead", "WorkFailed: temporary error")


def test_retry_requeues_the_given_dead_jobs(run: Run) -> None:
    ids = [dead_job() for _ in range(3)]
    run("retry", *ids[:2])
    assert statuses(*ids) == ["queued", "queued", "dead"]


def test_retry_reports_jobs_that_cannot_be_retried_and_requeues_the_rest(run: Run) -> None:
    done_id, unknown_id, dead_id = done_job(), new_id(), dead_job()
    result = run("retry", done_id, unknown_id, dead_id, exit_code=1)
    assert f"Job {done_id} is done. Only dead jobs can be retried.\nJob {unknown_id} does not exist." in result.stderr
    assert statuses(done_id, dead_id) == ["done", "queued"]


def test_retry_all_requeues_every_dead_job_in_batches(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.infrastructure.jobs.admin._BATCH", 2)
    ids, done_id = [dead_job() for _ in range(5)], done_job()
    assert run("retry", "--all").stdout.endswith(": 5\n")
    assert statuses(*ids, done_id) == ["queued"] * 5 + ["done"]
    assert {job_id for job_id, _name in jobs.pop_overdue(10)} == set(ids)
    assert [claim_job(job_id).attempts for job_id in ids] == [1] * 5


def test_retry_all_by_name_leaves_other_jobs_dead(run: Run) -> None:
    ids = [dead_job(), dead_job(OTHER)]
    run("retry", "--all", "--name", OTHER)
    assert statuses(*ids) == ["dead", "queued"]


@pytest.mark.parametrize("arguments", [[], ["--all", str(new_id())], [str(new_id()), "--name", JOB_NAME], ["no-id"]])
def test_retry_rejects_invalid_arguments(run: Run, arguments: list[str]) -> None:
    job_id = dead_job()
    run("retry", *arguments, exit_code=2)
    assert statuses(job_id) == ["dead"]


@pytest.mark.parametrize("age", ["3600", "3600s", "60m", "1h"])
def test_purge_deletes_jobs_by_status_and_age(run: Run, age: str) -> None:
    old, young, other = done_job(), done_job(), dead_job()
    _set_finished(old, hours=1.1)
    _set_finished(other, hours=1.1)
    _set_finished(young, hours=0.9)
    assert run("purge", "--status", "done", "--older-than", age).stdout == "Jobs purged: 1\n"
    assert {row.id for row in list_jobs()} == {young, other}


@pytest.mark.parametrize("age", ["", "soon", "-1", "1w", "1.5h", "999999999d", "\u0661h"])
def test_purge_rejects_an_invalid_age(run: Run, age: str) -> None:
    job_id = done_job()
    assert "--older-than" in run("purge", "--status", "done", "--older-than", age, exit_code=2).stderr
    assert statuses(job_id) == ["done"]


def test_purge_of_unfinished_jobs_is_rejected(run: Run) -> None:
    run("purge", "--status", "queued", "--older-than", "0", exit_code=2)


def test_show_prints_a_one_line_error_for_an_unknown_job(run: Run) -> None:
    job_id = new_id()
    assert run("show", job_id, exit_code=1).stderr == f"Error: Job {job_id} does not exist.\n"


def test_error_includes_the_cause_if_the_database_is_unavailable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ServiceUnavailable from OSError("no such table: jobs\n[SQL: …]")

    monkeypatch.setattr("project.cli.jobs.job_queue.list_jobs", fail)
    assert run("list", exit_code=1).stderr.endswith(" Cause: no such table: jobs\n")


def test_retry_command_publishes_the_job_before_it_exits(settings: Settings) -> None:
    job_id = dead_job()
    environment = {"APP_ENV": "development", "DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "jobs", "retry", str(job_id)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=60)
    [message] = (settings.data_dir / "broker" / "queues").glob("*.msg")
    assert str(job_id) in message.read_text()


def _set_finished(job_id: UUID, *, hours: float) -> None:
    with transaction() as connection:
        finished_at = now() - timedelta(hours=hours)
        connection.execute(update(Job).where(Job.id == job_id).values(finished_at=finished_at))
