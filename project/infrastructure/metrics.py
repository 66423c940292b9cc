"""Metrics for Prometheus, of all the processes that one entry point forks, together."""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

# By this folder the processes share their values; prometheus_client looks for it when it is imported.
_OWNER, _FOLDER = os.getpid(), tempfile.mkdtemp(prefix="metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _FOLDER


@atexit.register
def _forget() -> None:
    if os.getpid() == _OWNER:
        shutil.rmtree(_FOLDER, ignore_errors=True)


from prometheus_client import Counter, Histogram  # noqa: E402

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)
_ATTEMPTS = Counter("groundwork_job_attempts", "Attempts at jobs, by how they ended.", ["name", "outcome"])
_DELAY = Histogram("groundwork_job_delay_seconds", "From when a job was due to its start.", ["name"], buckets=_SECONDS)
_DURATION = Histogram("groundwork_job_seconds", "How long an attempt took.", ["name"], buckets=_SECONDS)


@dataclass
class Outcome:
    """How an attempt ended; `crashed` unless somebody says otherwise."""

    name: str = "crashed"


@contextmanager
def job_measured(name: str, delay: timedelta) -> Iterator[Outcome]:
    """Measure an attempt at a job that started so long after it was due; the block says how it ended."""
    outcome, began = Outcome(), time.perf_counter()
    _DELAY.labels(name).observe(max(0.0, delay.total_seconds()))
    try:
        yield outcome
    finally:
        _DURATION.labels(name).observe(time.perf_counter() - began)
        _ATTEMPTS.labels(name, outcome.name).inc()
