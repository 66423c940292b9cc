"""Periodic jobs that purge old rows."""

from celery import current_app as celery
from sqlalchemy import func, select, update

from project.config import Settings
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from project.infrastructure.idempotency_records import IdempotencyRecord
from tests.kit.clients.api import Api, success
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import enqueue_job
from worker import maintenance


def test_purge_deletes_only_expired_idempotency_keys(api: Api, settings: Settings) -> None:
    ada = api.as_new_user()
    for key in ("expired", "live"):
        success(ada.post("/organizations", {"name": key}, headers={"Idempotency-Key": key}))
        if key == "expired":
            with separate_app_context(settings), transaction() as connection:
                connection.execute(update(IdempotencyRecord).values(expires_at=now()))
    with separate_app_context(settings):
        run_job(maintenance.PURGE_IDEMPOTENCY_KEYS)
        assert record_count() == 1
    replay = ada.post("/organizations", {"name": "live"}, headers={"Idempotency-Key": "live"})
    assert "Idempotency-Replayed" in replay.headers


def run_job(name: str) -> None:
    celery.tasks[name].run(str(enqueue_job(name)))


def record_count() -> int:
    with read() as connection:
        return connection.scalar(select(func.count()).select_from(IdempotencyRecord)) or 0
