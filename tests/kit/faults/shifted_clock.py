"""Shifts or stops a real process's wall clock, but not its timers, using libfaketime from the `libfaketime` wheel."""

from importlib.util import find_spec
from pathlib import Path

from tests.kit.servers.process import ServiceUnavailable


def shifted_clock(seconds: float) -> dict[str, str]:
    """Return environment variables that shift a process's clock, into the past if `seconds` is negative.

    Raises ServiceUnavailable if libfaketime is not installed.
    """
    return _faked(FAKETIME=f"{seconds:+}s")


def stopped_clock(at: int) -> dict[str, str]:
    """Return environment variables that stop a process's clock at `at`, in seconds since the epoch.

    Raises ServiceUnavailable if libfaketime is not installed.
    """
    return _faked(FAKETIME=str(at), FAKETIME_FMT="%s")


def _faked(**variables: str) -> dict[str, str]:
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None:
        raise ServiceUnavailable("libfaketime is not installed: pip install libfaketime")
    [library] = Path(spec.origin).parent.rglob("libfaketime.so.1")
    # If libfaketime also shifted the monotonic clock, `time.sleep()` would never return. If it shifted the times of
    # files, gunicorn (27.0.1, workers/workertmp.py) would kill its workers: it sets them from the monotonic clock.
    return {"LD_PRELOAD": str(library), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", **variables}
