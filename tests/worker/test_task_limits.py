"""A real worker whose tasks exceed their limits or are still running when it shuts down."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from project.config import Settings
from tests.kit.deployment.programs import child_pids, programs
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import enqueue_job, get_job
from tests.kit.servers.process import eventually
from tests.worker.greedy_tasks import QUEUE, RUN_LONG, RUN_LONG_IGNORING_INTERRUPTS, RUN_SHORT, TAKE_MEMORY
from worker.broker import CeleryBroker

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
LIMITS = {"job_time_limit_seconds": 4, "job_shutdown_grace_seconds": 1, "job_max_attempts": 1}
OPTIONS = f"--concurrency 1 --include tests.worker.greedy_tasks --queues {QUEUE},worker"


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    return settings.model_copy(update={**LIMITS, "broker_url": redis_url})


@contextmanager
def running_worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    run = programs(settings, **{name.upper(): str(value) for name, value in LIMITS.items()})
    with run.worker(OPTIONS) as worker, separate_app_context(settings, broker=CeleryBroker(settings)):
        yield worker


def finished(job_id: UUID) -> Any:
    """Wait until the job is done or dead, and return its row."""
    eventually(lambda: get_job(job_id).status in ("done", "dead"))
    return get_job(job_id)


def test_task_that_exceeds_its_limits_fails_and_worker_continues(settings: Settings) -> None:
    with running_worker(settings) as worker:
        greedy = [enqueue_job(TAKE_MEMORY, size_bytes=100_000_000), enqueue_job(RUN_SHORT, seconds=3)]
        modest = [enqueue_job(TAKE_MEMORY, size_bytes=10_000_000), enqueue_job(RUN_SHORT, seconds=0)]
        assert [finished(job_id).last_error for job_id in greedy] == [
            "MemoryError: Out of memory.",
            "TimeLimitExceeded: The task ran longer than its time limit.",
        ]
        [child] = child_pids(worker.pid)
        assert [finished(job_id).status for job_id in modest] == ["done", "done"]
        assert child_pids(worker.pid) == [child]


def test_task_that_ignores_its_time_limit_is_killed_and_worker_continues(settings: Settings) -> None:
    with running_worker(settings) as worker:
        job_id = enqueue_job(RUN_LONG_IGNORING_INTERRUPTS)
        eventually(lambda: get_job(job_id).status == "running")
        [child] = child_pids(worker.pid)
        eventually(lambda: child not in child_pids(worker.pid))
        row = get_job(job_id)
        assert row.status == "running"
        assert finished(enqueue_job(RUN_SHORT, seconds=0)).status == "done"


def test_worker_releases_job_that_outlasts_shutdown_grace_period(settings: Settings) -> None:
    with running_worker(settings) as worker:
        job_id = enqueue_job(RUN_LONG, seconds=3)
        eventually(lambda: get_job(job_id).status == "running")
        os.killpg(worker.pid, signal.SIGTERM)
        eventually(lambda: worker.poll() is not None)
        row = get_job(job_id)
    assert (worker.returncode, row.status, row.attempts) == (0, "queued", 0)


def test_worker_finishes_job_that_ends_within_shutdown_grace_period(settings: Settings) -> None:
    with running_worker(settings) as worker:
        job_id = enqueue_job(RUN_LONG, seconds=0.5)
        eventually(lambda: get_job(job_id).status == "running")
        os.killpg(worker.pid, signal.SIGTERM)
        eventually(lambda: worker.poll() is not None)
        row = get_job(job_id)
    assert (worker.returncode, row.status, row.attempts) == (0, "done", 1)
