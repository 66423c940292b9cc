"""Tasks that take more than they may; a worker loads them with `--include`."""

import time
from contextlib import suppress

from worker.runner import job

QUEUE = "greedy"
RUN_LONG, RUN_LONG_DEAF, RUN_SHORT, TAKE_MEMORY = (f"{QUEUE}.{task}" for task in ("long", "deaf", "short", "memory"))


@job(RUN_LONG)
def run_long(seconds: float) -> None:
    """Run so long, and take every error for something to get over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(Exception):
            time.sleep(0.05)


@job(RUN_LONG_DEAF)
def run_long_deaf() -> None:
    """Run in a loop that gets over everything."""
    while True:
        with suppress(BaseException):
            time.sleep(1)


@job(RUN_SHORT, time_limit_seconds=1)
def run_short(seconds: float) -> None:
    time.sleep(seconds)


@job(TAKE_MEMORY, memory_limit_bytes=50_000_000)
def take_memory(size_bytes: int) -> None:
    bytearray(size_bytes)
