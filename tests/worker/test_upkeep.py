"""What is cleared away now and then."""

import subprocess
import sys
from pathlib import Path

import pytest
from celery import current_app as celery
from sqlalchemy import func, select, update

from project.config import Settings
from project.infrastructure.clock import now
from project.infrastructure.database import read, transaction
from project.infrastructure.idempotency import IdempotencyRecord
from tests.kit.api import Api, made
from tests.kit.apps import at_work
from worker import upkeep
from worker.schedule import schedule


def test_expired_idempotency_keys_are_forgotten_every_hour(settings: Settings) -> None:
    entry = schedule(settings)["worker.forget_idempotency_keys"]
    assert (entry["task"], entry["schedule"]) == ("worker.forget_idempotency_keys", 3600)
    assert celery.tasks[entry["task"]].run == upkeep.forget_idempotency_keys.run


def test_forgetting_takes_the_expired_keys_and_leaves_the_others(api: Api, settings: Settings) -> None:
    ada = api.signed_in()
    for key in ("dead", "live"):
        made(ada.post("/organizations", {"name": key}, headers={"Idempotency-Key": key}))
        if key == "dead":
            with at_work(settings), transaction() as session:
                session.execute(update(IdempotencyRecord).values(expires_at=now()))
    with at_work(settings):
        celery.tasks[upkeep.FORGET_KEYS].run()
        assert kept() == 1
    again = ada.post("/organizations", {"name": "live"}, headers={"Idempotency-Key": "live"})
    assert "Idempotency-Replayed" in again.headers


def kept() -> int:
    with read() as connection:
        return connection.scalar(select(func.count()).select_from(IdempotencyRecord)) or 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_scheduled_task_is_one_that_the_worker_knows(settings: Settings) -> None:
    scheduled = "{entry['task'] for entry in celery.conf.beat_schedule.values()}"
    script = f"from worker.app import celery; print(*{scheduled} - celery.tasks.keys())"
    environment = {"APP_ENV": "development", "DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url}
    root = Path(__file__).parents[2]
    known = subprocess.run([sys.executable, "-c", script], cwd=root, env=environment, capture_output=True, check=True)
    assert known.stdout.strip() == b""
