"""How many stories Hypothesis makes up for a machine, and how long they are."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings

# To explain a failure would take minutes, and the shortest story that leads to it explains it.
_BRIEF: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "phases": [Phase.generate, Phase.shrink],
    "report_multiple_bugs": False,
}
# Short stories are the same each time, so that a change is red for what it changed; long ones are always others.
settings.register_profile("short", derandomize=True, max_examples=60, stateful_step_count=12, **_BRIEF)
settings.register_profile("long", max_examples=200, stateful_step_count=50, **_BRIEF)


# To find the shortest story that goes wrong takes longer than to tell all that go well.
@pytest.fixture(
    params=[
        pytest.param("short", marks=pytest.mark.timeout(900)),
        pytest.param("long", marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
    ]
)
def profile(request: pytest.FixtureRequest) -> settings:
    """What to run a machine with; a test that asks for it runs with each."""
    return settings.get_profile(request.param)


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """A story must not drown in the log of all that were told before it."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
