"""Ten thousand jobs through two workers, one of which is killed every five seconds."""

import os
import signal
from contextlib import ExitStack
from itertools import cycle
from time import sleep

import pytest

from tests.faults.jobs.bare_workers import Workshop

MANY = 10_000


@pytest.mark.full
@pytest.mark.timeout(900)
def test_no_job_is_lost_and_none_has_two_effects_though_a_worker_is_killed_every_five_seconds(shop: Workshop) -> None:
    shop.add_jobs(MANY)
    kills = 0
    with ExitStack() as stack, shop.running("worker-1", "worker-2", "beat-1") as started:
        for name in cycle(["worker-1", "worker-2"]):
            sleep(5)
            if shop.count("status = 'done'") == MANY:
                break
            os.killpg(started[name].pid, signal.SIGKILL)
            heard, kills = len(shop.log(name)), kills + 1
            started[name] = stack.enter_context(shop.one(name))
            # On a busy machine workers need as long to start as they would live.
            shop.wait_for(name, heard=heard)
    assert kills > 1
    assert shop.rows("SELECT count(*) FROM effects") == [(MANY,)]
    # Whoever was killed between an effect and the end of its job had it done once more: two children each time.
    assert shop.rows("SELECT count(*) FROM runs")[0][0] <= MANY + 2 * kills
