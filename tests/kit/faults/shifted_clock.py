"""A shifted clock for a real process, by the wheel `libfaketime`: its wall clock is wrong, and its timers are right."""

from importlib.util import find_spec
from pathlib import Path

from tests.kit.servers.process import ServiceUnavailable


def shifted_clock(seconds: float) -> dict[str, str]:
    """Environment variables for a process whose clock is so far ahead, or behind; raises ServiceUnavailable."""
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None:
        raise ServiceUnavailable("A clock cannot be shifted: pip install libfaketime")
    [library] = Path(spec.origin).parent.rglob("libfaketime.so.1")
    # With a shifted monotonic clock Python's own sleeps would not end.
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{seconds:+}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
