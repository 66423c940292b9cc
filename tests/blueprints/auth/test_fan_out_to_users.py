"""Fan-out: one job for each active user."""

from importlib import import_module
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.auth import service
from project.blueprints.auth.models import User
from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import claim_job, list_jobs

EMAIL_ONE, EMAIL_ALL = "tests.email_one", "tests.email_all"


def email_all(after: str | None = None) -> None:
    """Run the EMAIL_ALL job."""
    last = UUID(after) if after else None
    jobs.fan_out(
        service.list_active_ids,
        item_job=EMAIL_ONE,
        id_argument="user_id",
        fan_out_job=EMAIL_ALL,
        after=last,
        arguments={},
    )


def test_fan_out_creates_one_job_per_active_user(api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Import the module by its path, because the package attribute `fan_out` is the function.
    monkeypatch.setattr(import_module("project.infrastructure.jobs.fan_out"), "CHUNK_SIZE", 2)
    ids = [api.register()["id"] for _ in range(4)]
    with separate_app_context(settings):
        with transaction() as connection:
            connection.execute(update(User).where(User.id == UUID(ids[1])).values(status="disabled"))
        email_all()
        [continuation] = list_jobs(EMAIL_ALL)
        email_all(**claim_job(continuation.id).arguments)
        assert [row.arguments["user_id"] for row in list_jobs(EMAIL_ONE)] == [ids[0], ids[2], ids[3]]
