"""An unresponsive database is detected within seconds, even on connections in use. A slow database is tolerated."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import event, select, text

from project.blueprints.organizations.models import Organization
from project.config import Settings
from project.errors import ServiceUnavailable
from project.infrastructure.database import db, ensure_reachable, insert_if_absent, read, transaction
from project.infrastructure.database.models import new_id
from tests.kit.clients.api import Api, problem, success
from tests.kit.faults.frozen_postgres import frozen
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import age_job, claim_job, enqueue_job
from tests.kit.servers.services import Postgres
from worker.runner import JobPolicy, run_job

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
MAX_SECONDS = 4
# Longer than a process waits before it reconnects to a server that was unresponsive.
RECOVERY_SECONDS = 1.1


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a new application. One that has noticed an unresponsive server does not reconnect at once."""
    return settings.model_copy()


@pytest.fixture
def freeze_server(postgres_server: Postgres) -> Iterator[Callable[[], None]]:
    """A function that freezes the server until the end of the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(frozen(postgres_server))


@contextmanager
def raises_in_time() -> Iterator[None]:
    started_at = monotonic()
    with pytest.raises(ServiceUnavailable):
        yield
    assert monotonic() - started_at < MAX_SECONDS


def add(slug: str) -> None:
    insert_if_absent(Organization, {"id": new_id(), "name": slug, "slug": slug})


def slugs(app: Flask) -> list[str]:
    with app.app_context(), read() as connection:
        return list(connection.scalars(select(Organization.slug)))


@pytest.mark.parametrize("idle_seconds", [0, 1.1])
def test_read_from_frozen_server_raises_service_unavailable(
    app: Flask, freeze_server: Callable[[], None], idle_seconds: float
) -> None:
    """Covers a recently used connection and an idle one, which is pinged first."""
    with app.app_context():
        ensure_reachable()
        sleep(idle_seconds)
        freeze_server()
        with raises_in_time():
            ensure_reachable()


def test_new_connection_to_frozen_server_raises_service_unavailable(
    app: Flask, freeze_server: Callable[[], None]
) -> None:
    freeze_server()
    with app.app_context(), raises_in_time():
        ensure_reachable()


def test_transaction_is_rolled_back_if_server_freezes_mid_transaction(app: Flask, postgres_server: Postgres) -> None:
    with app.app_context(), ExitStack() as stack, raises_in_time(), transaction():
        add("one")
        stack.enter_context(frozen(postgres_server))
        add("two")
    sleep(RECOVERY_SECONDS)
    assert slugs(app) == []


def test_request_retried_with_same_key_after_unconfirmed_commit_takes_effect_once(
    app: Flask, api: Api, postgres_server: Postgres
) -> None:
    ada, headers = api.as_new_user(), {"Idempotency-Key": str(uuid4())}
    with ExitStack() as stack, app.app_context():
        event.listen(db.engine, "commit", lambda _: stack.enter_context(frozen(postgres_server)), once=True)
        started_at = monotonic()
        problem(ada.post("/organizations", {"name": "Engines"}, headers=headers), 503, "service-unavailable")
        assert monotonic() - started_at < MAX_SECONDS
    sleep(RECOVERY_SECONDS)
    success(ada.post("/organizations", {"name": "Engines"}, headers=headers))
    assert slugs(app) == ["engines"]


def test_job_interrupted_by_frozen_server_can_be_claimed_again(app: Flask, postgres_server: Postgres) -> None:
    with app.app_context():
        job_id = enqueue_job()
        with ExitStack() as stack, raises_in_time():

            def work() -> None:
                stack.enter_context(frozen(postgres_server))
                ensure_reachable()

            run_job(job_id, JobPolicy(work))
        sleep(RECOVERY_SECONDS)
        age_job(job_id, 1000)
        assert claim_job(job_id).attempts == 2


def test_threads_recover_when_server_responds_again(app: Flask, postgres_server: Postgres) -> None:
    def outcome(_: int) -> object:
        with app.app_context():
            try:
                return ensure_reachable()
            except ServiceUnavailable:
                return "unavailable"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(outcome, range(4)))
        with frozen(postgres_server):
            assert set(pool.map(outcome, range(4))) == {"unavailable"}
        sleep(RECOVERY_SECONDS)
        assert outcome(0) is None
        assert list(pool.map(outcome, range(20))) == [None] * 20


def test_only_one_thread_at_a_time_tries_to_reach_unresponsive_server(app: Flask, postgres_server: Postgres) -> None:
    """The other threads stay free for requests that do not need the database."""

    def seconds_to_fail(_: int) -> float:
        started_at = monotonic()
        with app.app_context(), pytest.raises(ServiceUnavailable):
            ensure_reachable()
        return monotonic() - started_at

    with frozen(postgres_server), ThreadPoolExecutor(4) as pool:
        list(pool.map(seconds_to_fail, range(4)))
        for _ in range(2):
            durations = sorted(pool.map(seconds_to_fail, range(40)))
            assert durations[-2] < 0.5
            sleep(RECOVERY_SECONDS)


def test_connecting_to_several_unresponsive_hosts_fails_within_a_single_time_limit(
    settings: Settings, postgres_server: Postgres, tmp_path: Path
) -> None:
    hosts = "&".join([f"host=127.0.0.1:{postgres_server.port}"] * 3)
    url = f"postgresql://postgres@/app?{hosts}"
    multi_host_settings = Settings(app_env="development", data_dir=tmp_path, database_url=url)
    with frozen(postgres_server), separate_app_context(multi_host_settings), raises_in_time():
        ensure_reachable()


def execute(app: Flask, statement: str) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(text(statement))


@contextmanager
def rejecting_connections(server: Postgres, settings: Settings) -> Iterator[None]:
    """Make the server reject new connections, as it does when it has reached its connection limit."""
    name = sql.Identifier(settings.database_url.rpartition("/")[2])
    alter = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(alter.format(name, sql.SQL("false")))
        try:
            yield
        finally:
            connection.execute(alter.format(name, sql.SQL("true")))


def test_slow_statement_is_not_interrupted(app: Flask) -> None:
    execute(app, "SELECT pg_sleep(4)")


def test_server_that_rejects_connections_is_not_treated_as_unresponsive(
    app: Flask, settings: Settings, postgres_server: Postgres
) -> None:
    with app.app_context():
        ensure_reachable()
    with rejecting_connections(postgres_server, settings):
        execute(app, "SELECT pg_sleep(3)")


def test_threads_that_wait_for_a_lock_rarely_probe_the_server(app: Flask, settings: Settings) -> None:
    """Each probe opens a new connection, so frequent probes by many waiting threads would open many connections."""
    query = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    with (
        psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection,
        ThreadPoolExecutor(4) as pool,
    ):
        connection.execute("SELECT pg_advisory_lock(1)")
        before = connection.execute(query).fetchone()
        waiting = [pool.submit(execute, app, "SELECT pg_advisory_xact_lock(1)") for _ in range(4)]
        sleep(3.5)
        connection.execute("SELECT pg_advisory_unlock(1)")
        for future in waiting:
            future.result()
        sleep(0.5)
        after = connection.execute(query).fetchone()
    assert before is not None
    assert after is not None
    assert 4 + 1 <= after[0] - before[0] <= 4 + 8
