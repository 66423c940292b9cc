"""Failure matrix, row 44: two republish runs, or two schedulers, run concurrently."""

from dataclasses import replace
from time import sleep

import pytest
from redis import Redis

from tests.faults.jobs.bare_workers import JobProcesses
from tests.kit.faults.pause_points import pause_at
from tests.kit.servers.process import eventually

pytestmark = pytest.mark.full
TWO_OF_EACH = ("worker-1", "worker-2", "beat-1", "beat-2")


def test_concurrent_republish_runs_publish_each_job_once(job_processes: JobProcesses) -> None:
    republish_only = replace(
        job_processes, queues="worker", environment={**job_processes.environment, "JOB_REPUBLISH_DELAY_SECONDS": "60"}
    )
    broker = Redis.from_url(job_processes.environment["BROKER_URL"])
    with (
        broker,
        republish_only.running(*TWO_OF_EACH),
        pause_at(job_processes.environment["DATABASE_URL"], "republish-job") as point,
    ):
        job_processes.add_jobs(100)
        eventually(lambda: point.count_paused() >= 1)
        # Two more runs start every second. After the sleep, they have skipped the locked jobs or are paused as well.
        sleep(2.5)
        point.release()
        eventually(lambda: broker.llen("kit") >= 100)
        sleep(1)
        assert broker.llen("kit") == 100


def test_two_workers_and_two_schedulers_run_each_job_once(job_processes: JobProcesses) -> None:
    job_processes.add_jobs(200)
    with job_processes.running(*TWO_OF_EACH):
        eventually(lambda: job_processes.count_jobs("status = 'done'") == 200, 60)
    assert job_processes.count_jobs("attempts = 1") == 200
    assert job_processes.rows("SELECT count(*), count(DISTINCT number) FROM runs") == [(200, 200)]


def test_two_schedulers_enqueue_each_periodic_job_once_per_interval(job_processes: JobProcesses) -> None:
    with job_processes.running(*TWO_OF_EACH):
        sleep(75)
        enqueued = job_processes.rows(
            "SELECT created_at FROM jobs WHERE name = 'invitations.expire' AND status = 'done'"
        )
    minutes = {int(at.timestamp()) // 60 for (at,) in enqueued}
    assert len(enqueued) == len(minutes) > 0
