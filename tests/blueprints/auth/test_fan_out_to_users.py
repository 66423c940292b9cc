"""Doing something for every active user: one job each."""

from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.auth import service
from project.blueprints.auth.models import User
from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import claim_job, list_jobs

EACH, WHOLE = "tests.mail_one", "tests.mail_all"


def mail_all(after: str | None = None) -> None:
    """The work of the job WHOLE."""
    last = UUID(after) if after else None
    jobs.fan_out(service.list_active_ids, each=EACH, as_="user_id", whole=WHOLE, after=last, arguments={})


def test_every_active_user_gets_one_job(api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.infrastructure.jobs.fan_out.CHUNK_SIZE", 2)
    ids = [api.register()["id"] for _ in range(4)]
    with at_work(settings):
        with transaction() as session:
            session.execute(update(User).where(User.id == UUID(ids[1])).values(status="disabled"))
        mail_all()
        [onward] = list_jobs(WHOLE)
        mail_all(**claim_job(onward.id).arguments)
        assert [row.arguments["user_id"] for row in list_jobs(EACH)] == [ids[0], ids[2], ids[3]]
