"""Operations of workers on jobs. The lease of one worker has expired, so another one may claim its job."""

from typing import Any
from uuid import UUID

from celery import current_app as celery
from sqlalchemy import delete

from project.blueprints.auth import service as auth
from project.blueprints.invitations.jobs import EXPIRE_INVITATIONS
from project.infrastructure import idempotency_records, jobs
from project.infrastructure.clock import now
from project.infrastructure.database import guarded, transaction
from project.infrastructure.jobs import Job
from tests.kit.fixtures.jobs import JOB_NAME, claim_with_expired_lease, enqueue_job
from tests.kit.interleaving.determinism import later
from tests.kit.interleaving.operations import World, operation, prepared
from worker import maintenance, schedule
from worker.tasks import invitations  # noqa: F401 - registers the task


@prepared
def expired_claim(world: World) -> jobs.Claim:
    """The claim of a worker whose lease has expired. Only this job can be republished."""
    with world.app.app_context():
        with transaction() as connection:
            connection.execute(delete(Job).where(Job.status == "queued"))
        return claim_with_expired_lease(enqueue_job())


@prepared
def queued_job_id(world: World) -> UUID:
    """A job that is due in two hours, so that `republish` does not find it."""
    with world.app.app_context():
        return enqueue_job(EXPIRE_INVITATIONS, delay_seconds=2 * 3600)


@operation
def claim(world: World) -> Any:
    return jobs.claim(expired_claim(world).job_id)


@operation
def finish(world: World) -> Any:
    return jobs.finish(expired_claim(world))


@operation
def fail(world: World) -> Any:
    return jobs.fail(expired_claim(world), "error", jobs.FailureKind.PERMANENT, on_dead=lambda: None)


@operation
def fail_and_reschedule(world: World) -> Any:
    return jobs.fail(expired_claim(world), "error", jobs.FailureKind.OTHER, on_dead=lambda: None)


@operation
def release(world: World) -> Any:
    return jobs.release(expired_claim(world))


@operation
def work(world: World) -> Any:
    with guarded(expired_claim(world).ensure_held):
        return auth.mark_verified(world.guest_id)


@operation
def run_job(world: World) -> Any:
    with later(hours=3):
        return celery.tasks[EXPIRE_INVITATIONS].run(str(queued_job_id(world)))


@operation(gives_way="skips locked rows, which the next run retries")
def retry_dead_jobs(_world: World) -> Any:
    return jobs.retry_dead_jobs(JOB_NAME)


@operation
def fan_out(_world: World) -> Any:
    names = {"item_job": "tests.item", "fan_out_job": "tests.fan_out", "id_argument": "user_id"}
    return jobs.fan_out(auth.list_active_ids, after=None, arguments={"news": 1}, **names)


@operation
def tick(_world: World) -> Any:
    return schedule.tick.run(EXPIRE_INVITATIONS, 3600)


@operation(gives_way="skips locked rows, which the next run publishes")
def republish(_world: World) -> Any:
    with later(hours=1):
        return jobs.pop_overdue(500)


@operation(gives_way="skips locked rows, which the next run deletes")
def purge_jobs(_world: World) -> Any:
    with later(days=60):  # long after the retention of jobs that are done
        return maintenance.purge_jobs()


@operation(gives_way="skips locked rows, which the next run deletes")
def purge_dead_jobs(_world: World) -> Any:
    with later(days=60):
        return jobs.purge_jobs("dead", before=now())


@operation(gives_way="skips locked rows, which the next run deletes")
def purge_idempotency_keys(_world: World) -> Any:
    with later(days=60):
        return idempotency_records.purge_expired()
