"""Seeded defects are found, always with the same schedules, even if the processors are busy."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.interleavings.seeded_defects import DEFECTS, OUT_OF_REACH, Defect, seeded
from tests.kit.interleaving.explorer import Explorer

with_each_defect = pytest.mark.parametrize(
    ("name", "partner", "defect"), DEFECTS, ids=[name for name, _partner, _defect in DEFECTS]
)


@pytest.fixture
def busy_loops() -> Iterator[None]:
    """Two processes that use a processor each."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@with_each_defect
def test_seeded_defect_is_found(exploring: Explorer, name: str, partner: str, defect: Defect) -> None:
    with seeded(defect):
        assert exploring.explore(name, partner).anomalies


@pytest.mark.full
@with_each_defect
def test_seeded_defect_is_found_with_the_same_schedules_each_time(
    exploring: Explorer, name: str, partner: str, defect: Defect, request: pytest.FixtureRequest
) -> None:
    with seeded(defect):
        found = [exploring.explore(name, partner) for _ in range(3)]
        request.getfixturevalue("busy_loops")
        found.append(exploring.explore(name, partner))
    assert found[0].anomalies
    assert found == found[:1] * 4


def test_defect_whose_outcome_is_that_of_a_serial_order_is_out_of_reach(exploring: Explorer) -> None:
    name, partner, defect = OUT_OF_REACH
    with seeded(defect):
        found = exploring.explore(name, partner)
    assert len(found.interleaved) == 2
    assert not found.anomalies
