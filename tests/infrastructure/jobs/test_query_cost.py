"""What a job costs beside all that were done before it: as much after two hundred thousand as after a thousand.

Judged by what PostgreSQL did: how many rows and pages each statement touched.
"""

from typing import LiteralString

import psycopg
import pytest

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import db
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import age_job, claim_job, enqueue_job
from tests.kit.fixtures.query_plans import Plan, explained

FEW, MANY = 1_000, 200_000
WAITING, OVERDUE = 500, 20
# psycopg prepares at once here; five times PostgreSQL plans for the values, then it may settle on a plan for all.
EXECUTIONS = 7
# A B-tree of two hundred thousand is one page higher than one of a thousand, and each row changed has some indexes.
SLACK_BUFFERS = 3 * OVERDUE
_FINISHED: LiteralString = """
INSERT INTO jobs (id, name, arguments, status, attempts, due_at, publish_at, finished_at, created_at, updated_at)
SELECT gen_random_uuid(), 'tests.past', '{}', CASE WHEN n %% 10 = 0 THEN 'dead' ELSE 'done' END, 1, at, at, at, at, at
FROM generate_series(1, %s) AS n, now() AS at
"""
_WAITING: LiteralString = """
INSERT INTO jobs (id, name, arguments, status, attempts, due_at, publish_at, created_at, updated_at)
SELECT gen_random_uuid(), 'tests.future', '{}', 'queued', 0, later, later, now(), now()
FROM generate_series(1, %s), (SELECT now() + interval '1 hour' AS later) AS times
"""


@pytest.mark.full
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_is_finished_slows_neither_claim_nor_end_nor_sweep(settings: Settings) -> None:
    with at_work(settings):
        add(settings, finished=FEW, waiting=WAITING)
        small = costs()
        add(settings, finished=MANY, waiting=0)
        large = costs()
    # Beside what it is about, only what was done since the last vacuum.
    assert {name for name, plan in large.items() if max(plan.rows_read) >= FEW} == set()
    assert {name for name, plan in large.items() if plan.buffers > small[name].buffers + SLACK_BUFFERS} == set()


def add(settings: Settings, *, finished: int, waiting: int) -> None:
    """So many more jobs have ended, and so many wait for their time."""
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_FINISHED, [finished])
        connection.execute(_WAITING, [waiting])
        connection.execute("VACUUM ANALYZE jobs")


def costs() -> dict[str, Plan]:
    """The costliest plan of each statement, among some jobs that are done from beginning to end."""
    found: dict[str, Plan] = {}
    with explained(db.engine) as plans:
        for _ in range(EXECUTIONS):
            for job_id in [enqueue_job() for _ in range(OVERDUE)]:
                age_job(job_id, 60)
            plans.clear()
            for job_id, _name in jobs.pop_overdue(500):
                jobs.finish(claim_job(job_id))
            for plan in plans:
                name = plan.statement[:60]
                found[name] = max(found.get(name, plan), plan, key=lambda one: one.buffers)
    return found
