"""Time and memory limits of tasks, and their interruption at shutdown.

The limits work in prefork pools, where each task has its own process. In a thread pool, tasks cannot be interrupted:
a job is limited only by its lease.

Celery 5.7.0 has no hook that interrupts running tasks at shutdown, so `release_jobs_after` signals the processes that
`Request.on_accepted` has stored in `worker_pid`. https://github.com/celery/celery/blob/v5.7.0/celery/worker/request.py
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

# At the soft limit, Celery signals the task. At the hard limit, it kills the process.
_HARD_LIMIT_FACTOR = 1.1
_DATA_KILOBYTES = re.compile(r"^VmData:\s+(\d+) kB$", re.MULTILINE)


class Interrupted(BaseException):
    """The task must stop now. Not an Exception, since tasks may catch Exception to handle invalid input."""


class TimeLimitExceeded(Interrupted):
    """The task ran longer than its time limit."""


class WorkerShuttingDown(Interrupted):
    """The worker is shutting down, and its grace period is over."""


_INTERRUPTIONS = {signal.SIGUSR1: TimeLimitExceeded, signal.SIGUSR2: WorkerShuttingDown}


@dataclass(frozen=True)
class Limits:
    """The limits of a task. None means the default from the settings."""

    time_seconds: float | None = None
    memory_bytes: int | None = None


class _Process:
    """State of this process. Limits can be enforced only in a child of a prefork pool."""

    is_pool_child = False


def celery_limits(seconds: float) -> dict[str, float]:
    """Return the Celery options for a time limit."""
    return {"soft_time_limit": seconds, "time_limit": seconds * _HARD_LIMIT_FACTOR}


@contextmanager
def enforce(limits: Limits) -> Iterator[None]:
    """Enforce `limits` by raising TimeLimitExceeded, WorkerShuttingDown or MemoryError in the block."""
    if not _Process.is_pool_child:
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
def _memory(allowed_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + allowed_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """Return the data size of this process (VmData), which RLIMIT_DATA limits."""
    match = _DATA_KILOBYTES.search(Path("/proc/self/status").read_text())
    return int(match[1]) * 1024 if match else 0


@worker_process_init.connect
def _set_up_process(**_signal: Any) -> None:
    _Process.is_pool_child = Path("/proc/self/status").exists()
    # Process managers signal the whole process group. A child that obeyed SIGTERM would abort its job.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def release_jobs_after(seconds: float) -> None:
    """Interrupt and release the jobs of this worker that are still running after `seconds`."""
    threading.Thread(target=_interrupt_remaining, args=[seconds], daemon=True).start()


def _interrupt_remaining(seconds: float) -> None:
    while True:
        time.sleep(seconds)
        # Jobs that end in the meantime change the set, or leave no process to signal. The next iteration tries again.
        with suppress(RuntimeError, ProcessLookupError):
            for request in list(active_requests):
                if request.worker_pid not in (None, os.getpid()):
                    os.kill(request.worker_pid, signal.SIGUSR2)
        seconds = 1
