"""A batch of locked rows never exceeds its limit, even if PostgreSQL joins it by nested loops."""

import pytest
from flask import Flask
from sqlalchemy import column, delete, select, table, text

from project.infrastructure.database import db, lock_batch

NUMBERS = table("numbers", column("id"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_batch_never_exceeds_its_limit(app: Flask) -> None:
    batch = lock_batch(select(NUMBERS.c.id).limit(2))
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE numbers AS SELECT generate_series(1, 9) AS id"))
        for method in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            connection.execute(text(f"SET LOCAL enable_{method} = off"))
        deleted = connection.execute(delete(NUMBERS).where(NUMBERS.c.id.in_(batch))).rowcount
    assert deleted == 2
