"""Two workers run ten thousand jobs. Every five seconds, one of the workers is killed and restarted."""

import os
import signal
from contextlib import ExitStack
from itertools import cycle
from time import sleep

import pytest

from tests.faults.jobs.bare_workers import JobProcesses

JOB_COUNT = 10_000


@pytest.mark.full
@pytest.mark.timeout(900)
def test_no_job_is_lost_if_a_worker_is_killed_every_five_seconds(job_processes: JobProcesses) -> None:
    job_processes.add_jobs(JOB_COUNT)
    kills = 0
    with ExitStack() as stack, job_processes.running("worker-1", "worker-2", "beat-1") as started:
        for name in cycle(["worker-1", "worker-2"]):
            sleep(5)
            if job_processes.count_jobs("status = 'done'") == JOB_COUNT:
                break
            os.killpg(started[name].pid, signal.SIGKILL)
            log_length, kills = len(job_processes.log(name)), kills + 1
            started[name] = stack.enter_context(job_processes.start(name))
            # On a busy machine, a worker may take so long to start that it would be killed before it runs any job.
            job_processes.wait_until_ready(name, log_length=log_length)
    assert kills > 1
    assert job_processes.rows("SELECT count(*) FROM effects") == [(JOB_COUNT,)]
    # Each child that is killed after its job took effect but before the job is marked done causes one extra run.
    # A worker has two children.
    assert job_processes.rows("SELECT count(*) FROM runs")[0][0] <= JOB_COUNT + 2 * kills
