"""The contract of the jobs blueprint."""

from tests.conformance.contract import ADMINISTRATORS, Contract
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.fixtures.jobs import dead_job


def listing(world: World, operation: Operation) -> Case:
    for _ in range(3):
        job(world, operation)
    return Case(world.administrator)


def job(world: World, _operation: Operation) -> Case:
    with world.app.app_context():
        return Case(world.administrator, path={"job_id": str(dead_job())})


contract = Contract(
    access={
        "GET /api/v1/jobs": ADMINISTRATORS,
        "GET /api/v1/jobs/{job_id}": ADMINISTRATORS,
        "DELETE /api/v1/jobs/{job_id}": ADMINISTRATORS,
        "POST /api/v1/jobs/{job_id}/retry": ADMINISTRATORS,
    },
    recipes={"list_jobs": listing, "get_job": job, "retry_job": job, "purge_job": job},
)
