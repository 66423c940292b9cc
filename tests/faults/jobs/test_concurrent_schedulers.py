"""Row 44: two sweeps and two schedulers at once."""

from dataclasses import replace
from time import sleep

import pytest
from redis import Redis

from tests.faults.jobs.bare_workers import Workshop
from tests.kit.faults.pause_points import held
from tests.kit.servers.process import eventually

HANDING_OVER = "handing a job over"
TWO_OF_EACH = ("worker-1", "worker-2", "beat-1", "beat-2")


def test_two_sweeps_at_once_hand_each_job_over_once(shop: Workshop) -> None:
    only_sweeping = replace(
        shop, queues="worker", environment={**shop.environment, "JOB_REPUBLISH_DELAY_SECONDS": "60"}
    )
    broker = Redis.from_url(shop.environment["BROKER_URL"])
    with (
        broker,
        only_sweeping.running(*TWO_OF_EACH),
        held(shop.environment["DATABASE_URL"], "handing a job over") as gate,
    ):
        shop.add_jobs(100)
        eventually(lambda: gate.arrived() >= 1)
        # By then others have come, each second two, and found the jobs taken or wait to take them too.
        sleep(2.5)
        gate.open()
        eventually(lambda: broker.llen("kit") >= 100)
        sleep(1)
        assert broker.llen("kit") == 100


@pytest.mark.full
def test_two_workers_and_two_schedulers_do_each_job_once(shop: Workshop) -> None:
    shop.add_jobs(200)
    with shop.running(*TWO_OF_EACH):
        eventually(lambda: shop.count("status = 'done'") == 200, 60)
    assert shop.count("attempts = 1") == 200
    assert shop.rows("SELECT count(*), count(DISTINCT number) FROM runs") == [(200, 200)]


@pytest.mark.full
@pytest.mark.timeout(180)
def test_two_schedulers_cause_each_periodic_job_once_an_interval(shop: Workshop) -> None:
    with shop.running(*TWO_OF_EACH):
        sleep(75)
        caused = shop.rows("SELECT created_at FROM jobs WHERE name = 'invitations.expire' AND status = 'done'")
    minutes = {int(at.timestamp()) // 60 for (at,) in caused}
    assert len(caused) == len(minutes) > 0
