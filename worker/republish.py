"""Publishes jobs that the web process could not publish, or whose worker died."""

from celery import current_app, shared_task

from project.infrastructure import jobs
from worker.broker import queue_lengths

REPUBLISH = "worker.republish"
_BATCH = 500
# Maximum number of messages in the broker: enough to keep all workers busy, while limiting duplicate messages.
_MAX_QUEUED = 5000


@shared_task(name=REPUBLISH)
def republish() -> None:
    """Publish overdue jobs until the broker holds _MAX_QUEUED messages.

    Concurrent runs publish each job only once.
    """
    capacity = _MAX_QUEUED - sum(queue_lengths(current_app).values())
    while capacity > 0 and (overdue := jobs.pop_overdue(min(capacity, _BATCH))):
        for job_id, name in overdue:
            jobs.publish(name, job_id)
        capacity -= len(overdue)
