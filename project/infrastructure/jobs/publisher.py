"""Hands committed jobs to the broker from a thread of its own: no request ever waits for the broker.

Whatever does not fit or fails is left to the sweep. Nothing here knows Celery: the entry point says how to publish.
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
_PAUSE_SECONDS = 2.0
_DRAIN_TIMEOUT_SECONDS = 2.0


class Broker(Protocol):
    """What carries a job to a worker."""

    def publish(self, name: str, job_id: UUID) -> None:
        """Hand over; raise whatever says that it failed, within seconds."""

    def check(self) -> None:
        """Raise unless the broker can be reached."""


class Publisher:
    """A bounded queue and the daemon thread that drains it; both begin with the first job of a process."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._queue: Queue[tuple[str, UUID] | None] = Queue(_MAX_QUEUED)
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._forget_thread)
        atexit.register(self._drain)

    def put(self, name: str, job_id: UUID) -> None:
        """Have the job published soon; never waits."""
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
        while (waiting := self._queue.get()) is not None:
            try:
                self._broker.publish(*waiting)
            except Exception as error:  # whatever the broker's client raises: the sweep has the job
                logger.warning("jobs.publish_failed", job_id=str(waiting[1]), error=repr(error))
                # A broker that refuses does so at once: without a pause each job would cost a failure.
                sleep(_PAUSE_SECONDS)

    def _drain(self) -> None:
        if self._thread is not None:
            with suppress(Full):
                self._queue.put_nowait(None)
            self._thread.join(_DRAIN_TIMEOUT_SECONDS)

    def _forget_thread(self) -> None:
        """A fork copies the queue, perhaps in the middle of a change, and leaves the thread behind."""
        self._lock = threading.Lock()
        self._queue = Queue(_MAX_QUEUED)
        self._thread = None


def init_app(app: Flask, broker: Broker | None) -> None:
    """Have `app` publish its jobs through `broker`; without one they wait for a sweep."""
    app.extensions["broker"] = broker
    app.extensions["publisher"] = broker and Publisher(broker)


def put(name: str, job_id: UUID) -> None:
    """Hand a committed job over."""
    publisher = cast(Publisher | None, current_app.extensions["publisher"])
    if publisher is not None:
        publisher.put(name, job_id)


def publish(name: str, job_id: UUID) -> None:
    """Hand a job over now, and raise what says that it failed; for the sweep, which can wait."""
    broker = cast(Broker | None, current_app.extensions["broker"])
    if broker is not None:
        broker.publish(name, job_id)


def check_broker() -> None:
    """Raise unless the broker, if there is one, can be reached."""
    broker = cast(Broker | None, current_app.extensions["broker"])
    if broker is not None:
        broker.check()
