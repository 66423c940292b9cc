"""A database that falls silent, also on connections in use: left in good time, and not mistaken for a slow one."""

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
from tests.kit.clients.api import Api, created, problem
from tests.kit.faults.frozen_postgres import silent
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import age_job, claim_job, enqueue_job
from tests.kit.servers.services import Postgres
from worker.runner import JobPolicy, run_job

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
MOST_SECONDS = 4
# For so long nobody connects to a server that was silent.
PAUSE_SECONDS = 1.1


@pytest.fixture
def fall_silent(postgres_server: Postgres) -> Iterator[Callable[[], None]]:
    """Silences the server until the test is over."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(silent(postgres_server))


@contextmanager
def refused_in_time() -> Iterator[None]:
    began = monotonic()
    with pytest.raises(ServiceUnavailable):
        yield
    assert monotonic() - began < MOST_SECONDS


def add(slug: str) -> None:
    insert_if_absent(Organization, {"id": new_id(), "name": slug, "slug": slug})


def slugs(app: Flask) -> list[str]:
    with app.app_context(), read() as connection:
        return list(connection.scalars(select(Organization.slug)))


@pytest.mark.parametrize("rested_seconds", [0, 1.1])
def test_whoever_reads_is_refused(app: Flask, fall_silent: Callable[[], None], rested_seconds: float) -> None:
    """Both on a connection that was in use a moment ago, and on one that is asked first whether it still works."""
    with app.app_context():
        ensure_reachable()
        sleep(rested_seconds)
        fall_silent()
        with refused_in_time():
            ensure_reachable()


def test_whoever_needs_a_new_connection_is_refused(app: Flask, fall_silent: Callable[[], None]) -> None:
    fall_silent()
    with app.app_context(), refused_in_time():
        ensure_reachable()


def test_a_transaction_is_refused_in_its_middle_and_leaves_nothing(app: Flask, postgres_server: Postgres) -> None:
    with app.app_context(), ExitStack() as stack, refused_in_time(), transaction():
        add("one")
        stack.enter_context(silent(postgres_server))
        add("two")
    sleep(PAUSE_SECONDS)
    assert slugs(app) == []


def test_a_commit_that_nobody_answers_is_found_out_by_its_key(app: Flask, api: Api, postgres_server: Postgres) -> None:
    ada, headers = api.signed_in(), {"Idempotency-Key": str(uuid4())}
    with ExitStack() as stack, app.app_context():
        event.listen(db.engine, "commit", lambda _: stack.enter_context(silent(postgres_server)), once=True)
        began = monotonic()
        problem(ada.post("/organizations", {"name": "Engines"}, headers=headers), 503, "service-unavailable")
        assert monotonic() - began < MOST_SECONDS
    sleep(PAUSE_SECONDS)
    created(ada.post("/organizations", {"name": "Engines"}, headers=headers))
    assert slugs(app) == ["engines"]


def test_a_worker_leaves_its_job_to_another_attempt(app: Flask, postgres_server: Postgres) -> None:
    with app.app_context():
        job_id = enqueue_job()
        with ExitStack() as stack, refused_in_time():

            def work() -> None:
                stack.enter_context(silent(postgres_server))
                ensure_reachable()

            run_job(job_id, JobPolicy(work))
        sleep(PAUSE_SECONDS)
        age_job(job_id, 1000)
        assert claim_job(job_id).attempts == 2


def test_threads_that_were_refused_go_on_when_it_speaks_again(app: Flask, postgres_server: Postgres) -> None:
    def outcome(_: int) -> object:
        with app.app_context():
            try:
                return ensure_reachable()
            except ServiceUnavailable:
                return "refused"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(outcome, range(4)))
        with silent(postgres_server):
            assert set(pool.map(outcome, range(4))) == {"refused"}
        sleep(PAUSE_SECONDS)
        assert outcome(0) is None
        assert list(pool.map(outcome, range(20))) == [None] * 20


def test_a_server_that_was_silent_is_asked_by_one_thread_at_a_time(app: Flask, postgres_server: Postgres) -> None:
    """So that the others have time for what needs no database."""

    def seconds(_: int) -> float:
        began = monotonic()
        with app.app_context(), pytest.raises(ServiceUnavailable):
            ensure_reachable()
        return monotonic() - began

    with silent(postgres_server), ThreadPoolExecutor(4) as pool:
        list(pool.map(seconds, range(4)))
        for _ in range(2):
            took = sorted(pool.map(seconds, range(40)))
            assert took[-2] < 0.5
            sleep(PAUSE_SECONDS)


def test_the_addresses_of_a_host_are_not_waited_for_one_after_the_other(
    settings: Settings, postgres_server: Postgres, tmp_path: Path
) -> None:
    hosts = "&".join([f"host=127.0.0.1:{postgres_server.port}"] * 3)
    url = f"postgresql://postgres@/app?{hosts}"
    elsewhere = Settings(app_env="development", data_dir=tmp_path, database_url=url)
    with silent(postgres_server), at_work(elsewhere), refused_in_time():
        ensure_reachable()


def execute(app: Flask, statement: str) -> None:
    with app.app_context(), transaction() as session:
        session.execute(text(statement))


@contextmanager
def refusing(server: Postgres, settings: Settings) -> Iterator[None]:
    """A server that takes nobody new, as one does that has as many as it may."""
    name = sql.Identifier(settings.database_url.rpartition("/")[2])
    alter = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(alter.format(name, sql.SQL("false")))
        try:
            yield
        finally:
            connection.execute(alter.format(name, sql.SQL("true")))


def test_statements_that_take_their_time_are_left_alone(app: Flask) -> None:
    execute(app, "SELECT pg_sleep(4)")


def test_a_server_that_takes_nobody_new_is_not_silent(
    app: Flask, settings: Settings, postgres_server: Postgres
) -> None:
    with app.app_context():
        ensure_reachable()
    with refusing(postgres_server, settings):
        execute(app, "SELECT pg_sleep(3)")


def test_those_who_wait_ask_seldom(app: Flask, settings: Settings) -> None:
    """A pile-up before a lock must not become a rush of new connections."""
    counted = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    with (
        psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection,
        ThreadPoolExecutor(4) as pool,
    ):
        connection.execute("SELECT pg_advisory_lock(1)")
        before = connection.execute(counted).fetchone()
        waiting = [pool.submit(execute, app, "SELECT pg_advisory_xact_lock(1)") for _ in range(4)]
        sleep(3.5)
        connection.execute("SELECT pg_advisory_unlock(1)")
        for one in waiting:
            one.result()
        sleep(0.5)
        after = connection.execute(counted).fetchone()
    assert before is not None
    assert after is not None
    assert 4 + 1 <= after[0] - before[0] <= 4 + 8
