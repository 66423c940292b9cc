"""What a task may take, time and memory, and how one is interrupted: in pools of processes, where it has one to itself.

In a pool of threads nothing can be interrupted: there the lease of a job is its only limit.
"""

import os
import re
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from celery.signals import worker_process_init
from celery.worker.state import active_requests

from project.config import current_settings

# Celery tells the task that its time is up, and kills its process so much later.
_HARD_LIMIT_FACTOR = 1.1
_DATA_KILOBYTES = re.compile(r"^VmData:\s+(\d+) kB$", re.MULTILINE)


class Interrupted(BaseException):
    """The task must end now. No Exception: a task may take these for something that is wrong with its input."""


class TimeLimitExceeded(Interrupted):
    """The task ran longer than its time limit."""


class WorkerShuttingDown(Interrupted):
    """The worker was told to end, and has waited long enough."""


_INTERRUPTIONS = {signal.SIGUSR1: TimeLimitExceeded, signal.SIGUSR2: WorkerShuttingDown}


@dataclass(frozen=True)
class Limits:
    """What a task may take; None is what the settings say."""

    time_seconds: float | None = None
    memory_bytes: int | None = None


class _Pool:
    """Whether this process belongs to one."""

    has_this_process = False


def celery_limits(seconds: float) -> dict[str, float]:
    """A time limit as Celery takes it."""
    return {"soft_time_limit": seconds, "time_limit": seconds * _HARD_LIMIT_FACTOR}


@contextmanager
def enforce(limits: Limits) -> Iterator[None]:
    """Hold what runs inside to its limits: there it meets TooLong, WorkerStopping or MemoryError."""
    if not _Pool.has_this_process:
        yield
        return
    with _memory(limits.memory_bytes or current_settings().job_memory_limit_bytes), _interruptible():
        yield


@contextmanager
def _interruptible() -> Iterator[None]:
    _handle(_interrupt)
    try:
        yield
    finally:
        _handle(signal.SIG_IGN)


def _handle(handler: Any) -> None:
    for number in _INTERRUPTIONS:
        signal.signal(number, handler)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _handle(signal.SIG_IGN)
    raise _INTERRUPTIONS[signal.Signals(number)]


@contextmanager
def _memory(more_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + more_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """What this process has taken so far."""
    found = _DATA_KILOBYTES.search(Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


@worker_process_init.connect
def _set_up_process(**_signal: Any) -> None:
    _Pool.has_this_process = Path("/proc/self/status").exists()
    # A process manager signals the whole group: a child that obeyed would cut its job off.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def release_jobs_after(seconds: float) -> None:
    """Have the jobs that this worker is at given back, if they are not done after so long."""
    threading.Thread(target=_interrupt_remaining, args=[seconds], daemon=True).start()


def _interrupt_remaining(seconds: float) -> None:
    while True:
        time.sleep(seconds)
        # The set changes under us while jobs end: then it is asked again.
        with suppress(RuntimeError, ProcessLookupError):
            for request in list(active_requests):
                if request.worker_pid not in (None, os.getpid()):
                    os.kill(request.worker_pid, signal.SIGUSR2)
        seconds = 1
