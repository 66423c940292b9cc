"""If the database is down, unresponsive or locked, requests fail within seconds and have no partial effects."""

# ruff: noqa: PT012 - `pytest.raises` must enclose the whole transaction

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, select, text

from project.blueprints.organizations.models import Organization
from project.config import Settings
from project.errors import ServiceUnavailable
from project.infrastructure.database import (
    after_commit,
    current_connection,
    db,
    ensure_reachable,
    insert_if_absent,
    read,
    transaction,
)
from project.infrastructure.database.models import new_id
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.servers.ports import free_port

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def add(slug: str) -> None:
    insert_if_absent(Organization, {"id": new_id(), "name": slug, "slug": slug})


def slugs() -> list[str]:
    with read() as connection:
        return list(connection.scalars(select(Organization.slug)))


def cut_connections(settings: Settings) -> None:
    """Terminate all other connections, as an administrator, a failover or a restart would."""
    terminate_others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    )
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(terminate_others + "pg_backend_pid()")


@only_postgresql
def test_transaction_is_rolled_back_if_connection_is_lost_between_statements(app: Flask, settings: Settings) -> None:
    called: list[int] = []
    with app.app_context(), pytest.raises(ServiceUnavailable) as raised, transaction():
        add("one")
        after_commit(lambda: called.append(1))
        cut_connections(settings)
        add("two")
    assert raised.value.retry_after is not None
    with app.app_context():
        assert (slugs(), called) == ([], [])


@only_postgresql
def test_transaction_is_rolled_back_if_connection_is_lost_before_commit(app: Flask, settings: Settings) -> None:
    called: list[int] = []
    with app.app_context(), pytest.raises(ServiceUnavailable), transaction():
        add("one")
        after_commit(lambda: called.append(1))
        cut_connections(settings)
    with app.app_context():
        assert (slugs(), called) == ([], [])


@only_postgresql
def test_idle_connections_that_were_lost_are_replaced_without_error(app: Flask, settings: Settings) -> None:
    with app.app_context():
        assert slugs() == []
        cut_connections(settings)
        time.sleep(1.1)
        with transaction():
            add("one")
        assert slugs() == ["one"]


@only_postgresql
def test_recently_used_connections_that_were_lost_are_replaced_after_one_error(app: Flask, settings: Settings) -> None:
    with app.app_context():
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(db.engine.connect())
        cut_connections(settings)
        with pytest.raises(ServiceUnavailable):
            slugs()
        with transaction():
            add("one")
        assert slugs() == ["one"]


@only_postgresql
def test_idle_transaction_timeout_raises_service_unavailable(app: Flask) -> None:
    with app.app_context(), pytest.raises(ServiceUnavailable), transaction() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 50"))
        time.sleep(0.3)
        add("one")
    with app.app_context():
        assert slugs() == []


@only_postgresql
def test_lock_timeout_raises_service_unavailable_and_rolls_back_transaction(app: Flask) -> None:
    with app.app_context(), transaction():
        add("one")
        add("two")
    with app.app_context(), pytest.raises(ServiceUnavailable), transaction() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 200"))
        rename("one")
        with app.app_context(), transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = 100"))
            rename("two")
            rename("one")
    with app.app_context():
        assert sorted(slugs()) == ["one", "two"]


def rename(slug: str) -> None:
    current_connection().execute(text("UPDATE organizations SET slug = slug || '!' WHERE slug = :slug"), {"slug": slug})


@contextmanager
def unresponsive_server() -> Iterator[int]:
    """Yield the port of a server that accepts connections but never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def settings_for(port: int, folder: Path) -> Settings:
    url = f"postgresql://postgres@127.0.0.1:{port}/app"
    return Settings(app_env="development", data_dir=folder, database_url=url)


def test_service_unavailable_is_raised_within_two_seconds_if_database_is_down(tmp_path: Path) -> None:
    started_at = time.monotonic()
    with separate_app_context(settings_for(free_port(), tmp_path)), pytest.raises(ServiceUnavailable):
        ensure_reachable()
    assert time.monotonic() - started_at < 2


def test_service_unavailable_is_raised_within_four_seconds_if_database_is_unresponsive(tmp_path: Path) -> None:
    started_at = time.monotonic()
    with (
        unresponsive_server() as port,
        separate_app_context(settings_for(port, tmp_path)),
        pytest.raises(ServiceUnavailable),
    ):
        ensure_reachable()
    assert time.monotonic() - started_at < 4


@only_postgresql
def test_kernel_closes_dead_connection_within_30_seconds(app: Flask) -> None:
    """The limit is 20 s for unacknowledged data, or 25 s for three keepalive probes to fail on an idle connection."""
    with app.app_context(), read() as connection:
        raw = cast(psycopg.Connection, connection.connection.driver_connection)
        with socket.fromfd(raw.fileno(), socket.AF_INET, socket.SOCK_STREAM) as sock:
            names = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            user_timeout, idle, interval, count = (sock.getsockopt(socket.IPPROTO_TCP, name) for name in names)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert 0 < user_timeout <= 30_000
    assert 0 < idle + interval * count <= 30


@only_sqlite
def test_blocked_writer_times_out_while_readers_continue(app: Flask) -> None:
    with app.app_context():
        event.listen(db.engine, "connect", lambda raw, _record: raw.execute("PRAGMA busy_timeout = 100"))
        with transaction():
            add("one")
            with app.app_context():
                with pytest.raises(ServiceUnavailable), transaction():
                    add("two")
                assert slugs() == []
        assert slugs() == ["one"]


@only_sqlite
def test_writer_waits_for_other_writers(app: Flask) -> None:
    """With a deferred BEGIN, a write after a read could fail immediately with "database is locked"."""

    def write(number: int) -> None:
        with app.app_context(), transaction():
            slugs()
            add(f"slug-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(80)))
    with app.app_context():
        assert len(slugs()) == 80


def test_service_unavailable_is_raised_if_database_file_cannot_be_opened(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/missing/app.db"
    with (
        separate_app_context(Settings(app_env="development", data_dir=tmp_path, database_url=url)),
        pytest.raises(ServiceUnavailable),
    ):
        ensure_reachable()
