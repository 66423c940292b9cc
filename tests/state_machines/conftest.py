"""Hypothesis profiles: the number of examples per state machine, and of steps per example."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings

# The explain phase is omitted: it would take minutes, and the shrunk example already explains the failure.
_COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "phases": [Phase.generate, Phase.shrink],
    "report_multiple_bugs": False,
}
# Short examples are the same on every run, so only a code change can make them fail. Long ones are random.
settings.register_profile("short", derandomize=True, max_examples=30, stateful_step_count=12, **_COMMON)
settings.register_profile("long", max_examples=200, stateful_step_count=50, **_COMMON)


# The timeouts allow for shrinking a failing example, which takes longer than a run without failures.
@pytest.fixture(
    params=[
        pytest.param("short", marks=pytest.mark.timeout(900)),
        pytest.param("long", marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
    ]
)
def profile(request: pytest.FixtureRequest) -> settings:
    """The Hypothesis settings for a state machine. Tests that request this fixture run once per profile."""
    return settings.get_profile(request.param)


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """Disable logging: with the logs of all earlier examples, the failing example would be hard to find."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
