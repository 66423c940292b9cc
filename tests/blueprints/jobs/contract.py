"""The contract of the jobs blueprint."""

from collections.abc import Iterator

from project.infrastructure.jobs import STATUSES
from tests.conformance.contract import ADMINISTRATORS, Contract, Listing
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.fixtures.jobs import JOB_NAME, dead_job


def listing(world: World, operation: Operation) -> Case:
    for _ in range(3):
        job(world, operation)
    return Case(world.administrator)


def job(world: World, _operation: Operation) -> Case:
    with world.app.app_context():
        return Case(world.administrator, path={"job_id": str(dead_job())})


# Most jobs are done, a fifth are dead, a tenth are queued, and a tenth are running.
_JOBS = """
INSERT INTO jobs (id, name, arguments, status, attempts, due_at, publish_at, created_at, updated_at)
SELECT row_id('jobs', n), CASE WHEN n % 2 = 0 THEN 'tests.a_job' ELSE 'tests.another_job' END, '{{}}',
    (ARRAY['dead', 'done', 'done', 'done', 'queued', 'done', 'done', 'dead', 'running', 'done'])[1 + n / 2 % 10],
    0, now(), now(), now(), now()
FROM generate_series(1, {size}) AS n
"""


def _listings() -> Iterator[Listing]:
    for status in STATUSES:
        rows = f"jobs WHERE status = '{status}'"
        yield Listing("list_jobs", rows, {"status": status}, "administrator")
        named = f"{rows} AND name = '{JOB_NAME}'"
        yield Listing("list_jobs", named, {"status": status, "name": JOB_NAME}, "administrator")


contract = Contract(
    access={
        "GET /api/v1/jobs": ADMINISTRATORS,
        "GET /api/v1/jobs/{job_id}": ADMINISTRATORS,
        "DELETE /api/v1/jobs/{job_id}": ADMINISTRATORS,
        "POST /api/v1/jobs/{job_id}/retry": ADMINISTRATORS,
    },
    recipes={"list_jobs": listing, "get_job": job, "retry_job": job, "purge_job": job},
    listings=[*_listings()],
    bulk_rows=[_JOBS],
)
