"""Tasks that can exceed their limits. Workers load this module with `--include`."""

import time
from contextlib import suppress

from worker.runner import job

QUEUE = "greedy"
RUN_LONG, RUN_LONG_IGNORING_INTERRUPTS, RUN_SHORT, TAKE_MEMORY = (
    f"{QUEUE}.{task}" for task in ("long", "ignoring", "short", "memory")
)


@job(RUN_LONG)
def run_long(seconds: float) -> None:
    """Run for `seconds`, suppressing every `Exception`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(Exception):
            time.sleep(0.05)


@job(RUN_LONG_IGNORING_INTERRUPTS)
def run_long_ignoring_interrupts() -> None:
    """Run forever, suppressing every `BaseException`."""
    while True:
        with suppress(BaseException):
            time.sleep(1)


@job(RUN_SHORT, time_limit_seconds=1)
def run_short(seconds: float) -> None:
    time.sleep(seconds)


@job(TAKE_MEMORY, memory_limit_bytes=50_000_000)
def take_memory(size_bytes: int) -> None:
    bytearray(size_bytes)
