"""Times near the limits of `datetime` can be stored and read in any time zone of the database server."""

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import update

from project.config import Settings
from project.infrastructure.database import transaction
from project.infrastructure.jobs import Job
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import enqueue_job, get_job


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("time_zone", "at"),
    [
        ("America/New_York", datetime.min.replace(tzinfo=UTC)),
        ("Asia/Tokyo", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_minimum_and_maximum_times_are_read_as_stored(settings: Settings, time_zone: str, at: datetime) -> None:
    url = settings.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE \"{connection.info.dbname}\" SET timezone = '{time_zone}'")  # type: ignore[arg-type]
    with separate_app_context(settings):
        job_id = enqueue_job()
        with transaction() as connection:
            connection.execute(update(Job).where(Job.id == job_id).values(finished_at=at))
        assert get_job(job_id).finished_at == at
