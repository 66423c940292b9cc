"""Prometheus metrics: gauges read from the job table, and each worker's counters and histograms of job attempts.

The processes of a worker share their values through files in PROMETHEUS_MULTIPROC_DIR (`worker/metrics_folder.py`). The
values of a process that has exited are kept until the worker restarts.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from project.errors import ServiceUnavailable
from project.infrastructure import jobs
from project.infrastructure.clock import now
from project.infrastructure.logging import logger

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)
_ATTEMPTS = Counter("groundwork_job_attempts", "Job attempts by outcome.", ["name", "outcome"])
_DELAY = Histogram(
    "groundwork_job_delay_seconds", "Time from when a job was due until it started.", ["name"], buckets=_SECONDS
)
_DURATION = Histogram("groundwork_job_duration_seconds", "Duration of a job attempt.", ["name"], buckets=_SECONDS)
CONTENT_TYPE = CONTENT_TYPE_LATEST


def render() -> bytes:
    """Return the gauges of the job table in the Prometheus text format (CONTENT_TYPE)."""
    return generate_latest(_JobTableMetrics())


def serve(host: str, port: int) -> None:
    """Serve the metrics of a worker on a port, from a daemon thread. Raises OSError if the port is in use."""
    registry = CollectorRegistry()
    registry.register(_ProcessMetrics())
    start_http_server(port, host, registry)


@dataclass
class AttemptOutcome:
    """The outcome of an attempt: `crashed` unless the `with measure_job(...)` block sets a different one."""

    name: str = "crashed"


@contextmanager
def measure_job(name: str, delay: timedelta) -> Iterator[AttemptOutcome]:
    """Record the delay, duration and outcome of an attempt. `delay` is how long after its due time the job started.

    The block must set `name` on the yielded outcome.
    """
    outcome, started_at = AttemptOutcome(), time.perf_counter()
    _DELAY.labels(name).observe(max(0.0, delay.total_seconds()))
    try:
        yield outcome
    finally:
        _DURATION.labels(name).observe(time.perf_counter() - started_at)
        _ATTEMPTS.labels(name, outcome.name).inc()


class _ProcessMetrics(Collector):
    """The values of all processes of a worker, including those that have exited."""

    def collect(self) -> Iterable[Metric]:
        # While a process starts, its file is briefly empty, and prometheus_client 0.26.0 cannot parse an empty file.
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        files = [str(file) for file in folder.glob("*.db") if file.stat().st_size]
        return MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call,no-any-return]


class _JobTableMetrics(Collector):
    """Gauges read from the job table on each scrape. They are omitted while the database is unavailable."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            depths = jobs.queue_depths()
        except ServiceUnavailable as error:
            logger.warning("metrics.database_unavailable", error=repr(error.__cause__))
            return
        yield _job_counts(depths)
        yield GaugeMetricFamily(
            "groundwork_oldest_job_age_seconds",
            "Time since the oldest queued or running job was due.",
            _oldest_age(depths),
        )


def _job_counts(depths: list[jobs.QueueDepth]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily("groundwork_jobs", "Number of queued, running and dead jobs.", labels=["name", "status"])
    for depth in depths:
        gauge.add_metric([depth.name, depth.status], depth.number)
    return gauge


def _oldest_age(depths: list[jobs.QueueDepth]) -> float:
    at = now()
    return max([0.0, *((at - depth.oldest_due_at).total_seconds() for depth in depths if depth.oldest_due_at)])
