"""The sweep: hands over every job that its web process could not, or whose worker died."""

from celery import shared_task

from project.infrastructure import outbox

SWEEP = "worker.sweep"
_BATCH = 500


@shared_task(name=SWEEP)
def sweep() -> None:
    """Publish what is overdue. Two sweeps at once hand over each job once."""
    for job_id, name in outbox.take_overdue(_BATCH):
        outbox.publish(name, job_id)
