"""The latency that an unresponsive broker adds to requests that enqueue jobs, relative to a healthy broker."""

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median, quantiles

import pytest

from tests.kit.clients.api import success
from tests.kit.deployment.system import System

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

ROUNDS = 8
REQUESTS = 100
MAX_RATIO = 1.05


def p95(invite: Callable[[], object]) -> float:
    """Return the 95th percentile of the request duration in milliseconds."""
    durations = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        invite()
        durations.append((time.perf_counter() - started) * 1000)
    return quantiles(durations, n=20)[-1]


def wait_until_published(system: System) -> None:
    """Wait until no more messages arrive at the broker."""
    before = -1
    while (now := system.inspection.count_messages()) != before:
        before = now
        time.sleep(0.5)


def test_unresponsive_broker_adds_at_most_five_percent_latency(system: System) -> None:
    # Stop the workers during the measurement. Otherwise, running jobs would slow down requests, but only while the
    # broker is available.
    for name in ("worker-1", "worker-2", "beat-1"):
        system.deployment.kill(name)
    owner = system.ledger.session(system.api.as_new_user())
    normal, stalled = [], []
    for _ in range(ROUNDS):
        organization_id = success(system.ledger.organization(owner))["id"]
        invite = lambda: success(system.ledger.invitation(owner, organization_id))  # noqa: B023, E731
        normal.append(p95(invite))
        system.proxies.broker.stall()
        stalled.append(p95(invite))
        system.proxies.broker.heal()
        wait_until_published(system)
    ratio = median(after / before for before, after in zip(normal, stalled, strict=True))
    noise = median(abs(after / before - 1) for before, after in pairwise(normal))
    print(
        f"p95: normal {median(normal):.1f} ms, stalled {median(stalled):.1f} ms; ratio {ratio:.3f}, noise {noise:.3f}"
    )
    assert ratio <= MAX_RATIO + noise
    system.deployment.restart_ended()
    system.ledger.ensure_nothing_lost(seconds=300)
