"""Fixtures shared by all tests: an application that uses SQLite or PostgreSQL, and a client for its API."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import Migrate, upgrade

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.environments import Environment, PostgresEnvironment, SqliteEnvironment
from tests.kit.servers.services import Postgres

# A shell script starts its background jobs with SIGINT ignored. The servers that the tests start would inherit this and
# could not be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)
pytest_plugins = ["tests.kit.fixtures.services"]
# Must run before these modules are first imported, so that their failed assertions show the compared values.
pytest.register_assert_rewrite("tests.conformance.checks", "tests.conformance.world")


def pytest_collection_finish() -> None:
    """Make garbage collection rare. It would take a fifth of the CPU time, mostly for modules and collected tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_environment() -> Iterator[None]:
    """Remove settings from the environment so that they do not affect the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, field in Settings.model_fields.items():
            patch.delenv(name.upper(), raising=False)
            for alias in getattr(field.validation_alias, "choices", []):
                patch.delenv(alias, raising=False)
        # The tests would exceed the rate limits for their IP address. The rate limit tests enable the limits again.
        patch.setenv("RATE_LIMIT_ENABLED", "false")
        # Nearly every test creates users.
        patch.setenv("PASSWORD_HASH_TIME_COST", "1")
        patch.setenv("PASSWORD_HASH_MEMORY_KIB", "8")
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path to a migrated SQLite database, of which tests use copies."""
    folder = tmp_path_factory.mktemp("sqlite")
    _migrate(Settings(app_env="development", data_dir=folder))
    return folder / "app.db"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a migrated PostgreSQL database, of which tests use copies."""
    url = postgres_server.create_database()
    _migrate(Settings(app_env="development", data_dir=tmp_path_factory.mktemp("postgres"), database_url=url))
    return url


@pytest.fixture(scope="session")
def environment_on(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Environment]:
    """A function that returns the environment on "sqlite" or on "postgresql"."""

    @cache
    def create(database: str, _process_id: int) -> Environment:
        folder = tmp_path_factory.mktemp(database)
        if database == "sqlite":
            return SqliteEnvironment(folder, request.getfixturevalue("sqlite_template"))
        server, template = (request.getfixturevalue(name) for name in ("postgres_server", "postgres_template"))
        return PostgresEnvironment(folder, server, template)

    # A forked process, such as that of a mutant, must not share the environment of its parent.
    return lambda database: create(database, os.getpid())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, environment_on: Callable[[str], Environment]) -> Iterator[str]:
    """The URL of an empty, migrated database. Tests that use it run once with SQLite and once with PostgreSQL."""
    environment = environment_on(request.param)
    yield environment.settings.database_url
    environment.reset()


@pytest.fixture
def environment(database_url: str, environment_on: Callable[[str], Environment]) -> Environment:
    """The application and the settings that tests with the same database use one after the other."""
    return environment_on("sqlite" if database_url.startswith("sqlite") else "postgresql")


@pytest.fixture
def settings(environment: Environment) -> Settings:
    """Settings for a development application with an empty data folder."""
    return environment.settings


@pytest.fixture
def app(environment: Environment, settings: Settings) -> Iterator[Flask]:
    """An application without a broker: its jobs stay in the job table."""
    if settings is environment.settings:
        yield environment.app
        return
    with application(settings) as app:
        yield app


@pytest.fixture
def api(app: Flask) -> Api:
    """An API client that is not logged in."""
    return Api(app.test_client())


def _migrate(settings: Settings) -> None:
    app = create_app(settings)
    Migrate(app, db)
    with app.app_context():
        upgrade()
        db.engine.dispose()
