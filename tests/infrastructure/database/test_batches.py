"""A batch skips rows locked elsewhere, and never exceeds its limit, even if PostgreSQL joins it by nested loops."""

import pytest
from flask import Flask
from sqlalchemy import column, delete, select, table, text

from project.infrastructure.database import db, lock_batch
from project.infrastructure.jobs import Job
from tests.kit.fixtures.jobs import enqueue_job

NUMBERS = table("numbers", column("id"))
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_postgresql
def test_batch_never_exceeds_its_limit(app: Flask) -> None:
    batch = lock_batch(select(NUMBERS.c.id).limit(2))
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE numbers AS SELECT generate_series(1, 9) AS id"))
        for method in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            connection.execute(text(f"SET LOCAL enable_{method} = off"))
        deleted = connection.execute(delete(NUMBERS).where(NUMBERS.c.id.in_(batch))).rowcount
    assert deleted == 2


@only_postgresql
def test_batch_skips_locked_rows_without_waiting_and_locks_the_others(app: Flask) -> None:
    batch = lock_batch(select(Job.id).order_by(Job.id).limit(2))
    with app.app_context(), db.engine.begin() as first, db.engine.begin() as second, db.engine.begin() as third:
        locked, *free = [enqueue_job() for _ in range(3)]
        first.execute(select(Job.id).where(Job.id == locked).with_for_update())
        second.execute(text("SET LOCAL lock_timeout = 100"))
        assert set(second.scalars(batch)) == set(free)
        assert third.scalars(batch).all() == []
