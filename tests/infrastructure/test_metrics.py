"""Gauges computed from the job table, and the cost of a scrape."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from project.config import Settings
from project.infrastructure import jobs, metrics
from project.infrastructure.database import db
from tests.kit.clients.metrics import Samples, parse_metrics, scrape_metrics
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import age_job, claim_job, claim_last_attempt, enqueue_job, fail_job
from tests.kit.fixtures.query_plans import record_plans
from tests.kit.servers.ports import free_port

OLDEST = ("groundwork_oldest_job_age_seconds",)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def scrape() -> Samples:
    return parse_metrics(metrics.render().decode())


def depths() -> Samples:
    return {labels[1:]: value for labels, value in scrape().items() if labels[0] == "groundwork_jobs"}


def create_dead_job(name: str) -> None:
    fail_job(claim_last_attempt(enqueue_job(name)))


def test_jobs_are_counted_by_name_and_status_until_they_complete() -> None:
    for name in ("tests.mail", "tests.mail", "tests.picture"):
        enqueue_job(name)
    claim_job(enqueue_job("tests.mail"))
    create_dead_job("tests.picture")
    jobs.finish(claim_job(enqueue_job("tests.mail")))
    assert depths() == {
        ("tests.mail", "queued"): 2,
        ("tests.mail", "running"): 1,
        ("tests.picture", "queued"): 1,
        ("tests.picture", "dead"): 1,
    }


def test_oldest_job_age_is_zero_if_there_are_no_jobs() -> None:
    assert scrape()[OLDEST] == 0


def test_oldest_job_age_is_measured_from_earliest_due_time() -> None:
    for seconds in (10, 1000, 100):
        age_job(enqueue_job(), seconds)
    assert 1000 <= scrape()[OLDEST] < 1060


def test_oldest_job_age_ignores_jobs_that_are_not_due() -> None:
    enqueue_job(delay_seconds=3600)
    assert scrape()[OLDEST] == 0


def test_oldest_job_age_includes_running_jobs() -> None:
    age_job(claim_job(enqueue_job()).job_id, 1000)
    assert 1000 <= scrape()[OLDEST] < 1060


def test_oldest_job_age_ignores_dead_jobs() -> None:
    claim = claim_last_attempt(enqueue_job())
    fail_job(claim)
    age_job(claim.job_id, 1000)
    assert scrape()[OLDEST] == 0


@on_sqlite
def test_gauges_are_omitted_while_database_is_unavailable(tmp_path: Path) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/app"
    with separate_app_context(Settings(app_env="development", data_dir=tmp_path, database_url=url)):
        assert scrape() == {}


@on_sqlite
def test_scrape_of_worker_succeeds_while_one_of_its_processes_is_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    port = free_port()
    metrics.serve("127.0.0.1", port)
    assert scrape_metrics(port) == {}


DONE, OTHERS = 200_000, 300
_MANY = """
INSERT INTO jobs (id, name, arguments, status, attempts, due_at, publish_at, created_at, updated_at)
SELECT gen_random_uuid(), 'tests.' || n %% 7, '{}', %(status)s, 1, now(), now(), now(), now()
FROM generate_series(1, %(number)s) AS n
"""


def fill(url: str) -> None:
    numbers = {"done": DONE, "queued": OTHERS, "running": OTHERS, "dead": OTHERS}
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for status, number in numbers.items():
            connection.execute(_MANY, {"status": status, "number": number})
        connection.execute("VACUUM ANALYZE jobs")


@on_postgresql
def test_scrape_does_not_read_completed_jobs(settings: Settings) -> None:
    fill(settings.database_url)
    with record_plans(db.engine) as plans:
        assert sum(depths().values()) == 3 * OTHERS
    [plan] = [plan for plan in plans if "jobs" in plan.statement]
    assert max(plan.rows_read) <= 3 * OTHERS
