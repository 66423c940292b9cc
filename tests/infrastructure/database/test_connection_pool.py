"""The connection pool: one connection per thread. If all are in use, only requests that need the database fail."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text

from project.blueprints.organizations.models import Organization
from project.config import Settings
from project.errors import ServiceUnavailable
from project.infrastructure.database import db, insert_if_absent, read, transaction
from project.infrastructure.database.models import new_id
from tests.kit.clients.api import Api, problem, success
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.jobs import run_concurrently

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def exhausted_pool(app: Flask) -> Iterator[None]:
    """Run the block while all connections that the pool may open are in use."""
    with app.app_context(), ExitStack() as stack:
        for _ in range(app.extensions["settings"].web_threads):
            stack.enter_context(db.engine.connect())
        yield


def add() -> None:
    insert_if_absent(Organization, {"id": new_id(), "name": "one", "slug": "one"})


def organizations() -> int:
    with read() as connection:
        return connection.scalar(select(func.count()).select_from(Organization)) or 0


def test_exhausted_pool_raises_service_unavailable_and_recovers(app: Flask) -> None:
    with exhausted_pool(app), app.app_context():
        started_at = monotonic()
        with pytest.raises(ServiceUnavailable), transaction():
            add()
        assert monotonic() - started_at < 2
    with app.app_context():
        assert organizations() == 0
        with transaction():
            add()
        assert organizations() == 1


def test_connection_returns_to_autocommit_mode_after_another_isolation_level(app: Flask) -> None:
    serializable = {"isolation_level": "SERIALIZABLE"}
    with app.app_context():
        with db.engine.connect().execution_options(**serializable) as connection:
            connection.execute(select(1))
            used = connection.connection.dbapi_connection
        with read() as connection:
            assert connection.connection.dbapi_connection is used
            connection.execute(insert(Organization), {"id": new_id(), "name": "one", "slug": "one"})
        assert organizations() == 1


def test_exhausted_pool_affects_only_routes_that_need_the_database(app: Flask, api: Api) -> None:
    ada = api.as_new_user()
    with exhausted_pool(app):
        response = ada.get("/auth/me")
        assert api.client.get("/health/live").status_code == 200
    problem(response, 503, "service-unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert ada.get("/auth/me").status_code == 200


def test_pool_opens_at_most_one_connection_per_thread(app: Flask, settings: Settings) -> None:
    """Small hosted databases allow only a few connections."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pg_sleep(0.2) IS NOT NULL"

    def count() -> int:
        with read() as connection:
            return connection.scalar(text(query)) or 0

    assert max(run_concurrently(app, count)) <= settings.web_threads


def test_request_uses_at_most_one_connection(settings: Settings) -> None:
    """Requests that waited for a second connection while holding one could exhaust the pool and block each other."""
    with application(settings.model_copy(update={"web_threads": 1})) as app:
        ada = Api(app.test_client()).as_new_user()
        organization = success(
            ada.post("/organizations", {"name": "Engines"}, headers={"Idempotency-Key": str(uuid4())})
        )
        ada.invitation(organization["id"], "grace@example.org")
        success(ada.upload(organization_id=organization["id"]))
        success(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}))
        assert ada.client.get("/health/ready").status_code == 200


FORK_SCRIPT = """
import os
from sqlalchemy import text
from project.app import create_app
from project.config import Settings
from project.infrastructure.database import read

def backend_pid():
    with app.app_context(), read() as connection:
        return connection.scalar(text("SELECT pg_backend_pid()"))

app = create_app(Settings.load())
parent_pid = backend_pid()
child = os.fork()
if child == 0:
    os._exit(int(backend_pid() == parent_pid))
_pid, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, "the child used its parent's connection"
assert backend_pid() == parent_pid, "the child closed its parent's connection"
"""


def test_forked_child_opens_its_own_connection(settings: Settings, tmp_path: Path) -> None:
    environment = {"APP_ENV": "development", "DATA_DIR": str(tmp_path), "DATABASE_URL": settings.database_url}
    subprocess.run([sys.executable, "-c", FORK_SCRIPT], cwd=ROOT, env=environment, check=True, timeout=30)
