"""Publishes committed jobs to the broker from a background thread, so that no request waits for the broker.

Jobs that do not fit into the queue, or cannot be published, are left to the republish task. This module does not
depend on Celery: the entry point passes in the broker.
"""

import atexit
import os
import threading
from contextlib import suppress
from queue import Full, Queue
from time import sleep
from typing import Protocol, cast
from uuid import UUID

from flask import Flask, current_app

from project.infrastructure.logging import logger

_MAX_QUEUED = 1000
_PAUSE_AFTER_FAILURE_SECONDS = 2.0
_DRAIN_TIMEOUT_SECONDS = 2.0


class Broker(Protocol):
    """Carries job ids to workers."""

    def publish(self, name: str, job_id: UUID) -> None:
        """Publish a job. On failure, raises an exception of any type within seconds."""

    def check(self) -> None:
        """Raise an exception of any type if the broker is unavailable."""


class Publisher:
    """A bounded queue, and a daemon thread that drains it. The thread starts with the first job of the process."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._queue: Queue[tuple[str, UUID] | None] = Queue(_MAX_QUEUED)
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._reset_in_child)
        atexit.register(self._drain)

    def put(self, name: str, job_id: UUID) -> None:
        """Queue the job to be published. Never blocks: if the queue is full, the job is left to the republish task."""
        self._ensure_started()
        try:
            self._queue.put_nowait((name, job_id))
        except Full:
            logger.warning("jobs.publish_queue_full", job_id=str(job_id))

    def _ensure_started(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-publisher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (queued := self._queue.get()) is not None:
            try:
                self._broker.publish(*queued)
            except Exception as error:  # the broker's client may raise anything; the republish task retries
                logger.warning("jobs.publish_failed", job_id=str(queued[1]), error=repr(error))
                # If the broker is down, publishing often fails quickly. Without a pause, every queued job would fail.
                sleep(_PAUSE_AFTER_FAILURE_SECONDS)

    def _drain(self) -> None:
        if self._thread is not None:
            with suppress(Full):
                self._queue.put_nowait(None)
            self._thread.join(_DRAIN_TIMEOUT_SECONDS)

    def _reset_in_child(self) -> None:
        """Start over in a forked child: it has no copy of the thread, and its copy of the queue may be inconsistent."""
        self._lock = threading.Lock()
        self._queue = Queue(_MAX_QUEUED)
        self._thread = None


def init_app(app: Flask, broker: Broker | None) -> None:
    """Make `app` publish its jobs through `broker`. Without a broker, jobs wait for the republish task."""
    app.extensions["broker"] = broker
    app.extensions["publisher"] = broker and Publisher(broker)


def put(name: str, job_id: UUID) -> None:
    """Queue a committed job to be published by the background thread."""
    publisher = cast(Publisher | None, current_app.extensions["publisher"])
    if publisher is not None:
        publisher.put(name, job_id)


def publish(name: str, job_id: UUID) -> None:
    """Publish a job immediately. May block. On failure, raises an exception of any type."""
    broker = cast(Broker | None, current_app.extensions["broker"])
    if broker is not None:
        broker.publish(name, job_id)


def check_broker() -> None:
    """Raise an exception of any type if there is a broker and it is unavailable."""
    broker = cast(Broker | None, current_app.extensions["broker"])
    if broker is not None:
        broker.check()
