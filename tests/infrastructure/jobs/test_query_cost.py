"""The cost of processing a job is the same with 200,000 finished jobs as with 1,000.

The cost is measured as the number of rows and pages that PostgreSQL reads for each statement.
"""

from typing import LiteralString

import psycopg
import pytest

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import db
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import age_job, claim_job, enqueue_job
from tests.kit.fixtures.query_plans import Plan, record_plans

FEW, MANY = 1_000, 200_000
WAITING, OVERDUE = 500, 20
# `record_plans` prepares statements on first use. PostgreSQL may use a generic plan after five executions.
EXECUTIONS = 7
# A B-tree with 200,000 rows is one page deeper than one with 1,000, and each changed row is in several indexes.
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
def test_number_of_finished_jobs_does_not_affect_cost_of_processing_a_job(settings: Settings) -> None:
    with separate_app_context(settings):
        add(settings, finished=FEW, waiting=WAITING)
        small = costs()
        add(settings, finished=MANY, waiting=0)
        large = costs()
    # Statements read only the relevant rows and the rows that have changed since the last VACUUM.
    assert {name for name, plan in large.items() if max(plan.rows_read) >= FEW} == set()
    assert {name for name, plan in large.items() if plan.buffers > small[name].buffers + SLACK_BUFFERS} == set()


def add(settings: Settings, *, finished: int, waiting: int) -> None:
    """Insert finished jobs and jobs that are not due yet."""
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_FINISHED, [finished])
        connection.execute(_WAITING, [waiting])
        connection.execute("VACUUM ANALYZE jobs")


def costs() -> dict[str, Plan]:
    """Process some jobs from start to finish, and return the most expensive plan of each statement."""
    costs_by_statement: dict[str, Plan] = {}
    with record_plans(db.engine) as plans:
        for _ in range(EXECUTIONS):
            for job_id in [enqueue_job() for _ in range(OVERDUE)]:
                age_job(job_id, 60)
            plans.clear()
            for job_id, _name in jobs.pop_overdue(500):
                jobs.finish(claim_job(job_id))
            for plan in plans:
                name = plan.statement[:60]
                costs_by_statement[name] = max(costs_by_statement.get(name, plan), plan, key=lambda plan: plan.buffers)
    return costs_by_statement
