"""The sweep: hands over every job that its web process could not, or whose worker died."""

from celery import current_app, shared_task

from project.infrastructure import jobs
from worker.broker import waiting

SWEEP = "worker.sweep"
_BATCH = 500
# What the broker may hold: enough to keep every worker busy, and a bound on what is handed over twice.
_FULL = 5000


@shared_task(name=SWEEP)
def sweep() -> None:
    """Publish what is overdue, as much as the broker should hold. Two sweeps at once hand over each job once."""
    room = _FULL - sum(waiting(current_app).values())
    while room > 0 and (overdue := jobs.take_overdue(min(room, _BATCH))):
        for job_id, name in overdue:
            jobs.publish(name, job_id)
        room -= len(overdue)
