"""The schedule of all periodic work.

Each run is a separate job with a dedupe key for its interval, so several schedulers still cause only one run per
interval.
"""

from typing import Any

from celery import shared_task
from flask import Flask

from project.infrastructure import jobs
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from worker import maintenance, republish
from worker.discovery import periodic_jobs

TICK = "worker.tick"
_MAX_TICK_SECONDS = 3600


def schedule(app: Flask) -> dict[str, Any]:
    """Return the schedule for Celery beat: the periodic jobs of the worker and of the blueprints of `app`.

    A tick that no worker has received expires when the next one is due. The scheduler keeps no state: after a restart,
    the first tick comes one full interval later. Jobs with long intervals therefore get a tick every hour.
    """
    periodic = maintenance.PERIODIC | periodic_jobs(app)
    seconds = {name: int(interval.total_seconds()) for name, interval in periodic.items()}
    republish_seconds = app.extensions["settings"].republish_interval_seconds
    # Republishing is a plain task, not a job, since jobs depend on it.
    republishing = {republish.REPUBLISH: _every(republish_seconds, republish.REPUBLISH)}
    return republishing | {
        name: _every(min(every, _MAX_TICK_SECONDS), TICK, name, every) for name, every in seconds.items()
    }


@shared_task(name=TICK)
def tick(name: str, seconds: int) -> None:
    """Enqueue the periodic job `name`, unless it was already enqueued in this interval."""
    with transaction():
        jobs.enqueue(name, dedupe_key=str(int(now().timestamp()) // seconds))


def _every(seconds: int, task: str, *arguments: Any) -> dict[str, Any]:
    return {"task": task, "args": arguments, "schedule": seconds, "options": {"expires": seconds}}
