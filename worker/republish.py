"""The sweep: hands over every job that its web process could not, or whose worker died."""

from celery import current_app, shared_task

from project.infrastructure import jobs
from worker.broker import queue_lengths

REPUBLISH = "worker.republish"
_BATCH = 500
# What the broker may hold: enough to keep every worker busy, and a bound on what is handed over twice.
_MAX_QUEUED = 5000


@shared_task(name=REPUBLISH)
def republish() -> None:
    """Publish what is overdue, as much as the broker should hold. Two sweeps at once hand over each job once."""
    room = _MAX_QUEUED - sum(queue_lengths(current_app).values())
    while room > 0 and (overdue := jobs.pop_overdue(min(room, _BATCH))):
        for job_id, name in overdue:
            jobs.publish(name, job_id)
        room -= len(overdue)
