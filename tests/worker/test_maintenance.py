"""What is cleared away now and then."""

from celery import current_app as celery
from sqlalchemy import func, select, update

from project.config import Settings
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from project.infrastructure.idempotency_records import IdempotencyRecord
from tests.kit.clients.api import Api, created
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import enqueue_job
from worker import maintenance


def test_forgetting_takes_the_expired_keys_and_leaves_the_others(api: Api, settings: Settings) -> None:
    ada = api.signed_in()
    for key in ("dead", "live"):
        created(ada.post("/organizations", {"name": key}, headers={"Idempotency-Key": key}))
        if key == "dead":
            with at_work(settings), transaction() as session:
                session.execute(update(IdempotencyRecord).values(expires_at=now()))
    with at_work(settings):
        do_job(maintenance.PURGE_IDEMPOTENCY_KEYS)
        assert kept() == 1
    again = ada.post("/organizations", {"name": "live"}, headers={"Idempotency-Key": "live"})
    assert "Idempotency-Replayed" in again.headers


def do_job(name: str) -> None:
    celery.tasks[name].run(str(enqueue_job(name)))


def kept() -> int:
    with read() as connection:
        return connection.scalar(select(func.count()).select_from(IdempotencyRecord)) or 0
