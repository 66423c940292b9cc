"""The schedule of all periodic work.

Each run is a separate job with a dedupe key for its interval, so several schedulers still cause only one run per
interval.
"""

from typing import Any

from celery import shared_task

from project.blueprints.files import jobs as files
from project.blueprints.invitations import jobs as invitations
from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from worker import maintenance, republish

TICK = "worker.tick"
_MINUTE = 60
_HOUR = 3600

PERIODIC = {
    files.PURGE: _HOUR,
    invitations.EXPIRE_INVITATIONS: _MINUTE,
    maintenance.PURGE_IDEMPOTENCY_KEYS: _HOUR,
    maintenance.PURGE_JOBS: _HOUR,
}


def schedule(settings: Settings) -> dict[str, Any]:
    """Return the schedule for Celery beat. A tick that no worker has received expires when the next one is due."""
    # Republishing is a plain task, not a job, since jobs depend on it.
    republishing = {republish.REPUBLISH: _every(settings.republish_interval_seconds, republish.REPUBLISH)}
    return republishing | {name: _every(seconds, TICK, name, seconds) for name, seconds in PERIODIC.items()}


@shared_task(name=TICK)
def tick(name: str, seconds: int) -> None:
    """Enqueue the periodic job `name`, unless it was already enqueued in this interval."""
    with transaction():
        jobs.enqueue(name, dedupe_key=str(int(now().timestamp()) // seconds))


def _every(seconds: int, task: str, *arguments: Any) -> dict[str, Any]:
    return {"task": task, "args": arguments, "schedule": seconds, "options": {"expires": seconds}}
