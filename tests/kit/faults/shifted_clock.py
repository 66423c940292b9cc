"""Shifts a real process's wall clock, but not its timers, using libfaketime from the `libfaketime` wheel."""

from importlib.util import find_spec
from pathlib import Path

from tests.kit.servers.process import ServiceUnavailable


def shifted_clock(seconds: float) -> dict[str, str]:
    """Return environment variables that shift a process's clock, into the past if `seconds` is negative.

    Raises ServiceUnavailable if libfaketime is not installed.
    """
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None:
        raise ServiceUnavailable("libfaketime is not installed: pip install libfaketime")
    [library] = Path(spec.origin).parent.rglob("libfaketime.so.1")
    # If libfaketime also shifted the monotonic clock, `time.sleep()` would never return.
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{seconds:+}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
