"""Fixtures: a server with two gunicorn processes on PostgreSQL for all race tests, and another on SQLite for some."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from project.config import Settings
from project.infrastructure import signing
from tests.kit.clients.api import Api
from tests.kit.clients.remote import Remote
from tests.kit.deployment.programs import programs
from tests.kit.fixtures.apps import application, separate_app_context
from tests.kit.servers.services import Postgres
from tests.races.service import Service

# Cheap hashes, since most rounds create users.
_CONCURRENCY = {
    "WEB_CONCURRENCY": "2",
    "WEB_THREADS": "8",
    "PASSWORD_HASH_TIME_COST": "1",
    "PASSWORD_HASH_MEMORY_KIB": "8",
}


@pytest.fixture(scope="session")
def settings(
    postgres_server: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings with a PostgreSQL database shared by all race tests."""
    url = postgres_server.create_database(postgres_template)
    yield Settings(app_env="development", data_dir=tmp_path_factory.mktemp("races"), database_url=url)
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def api(settings: Settings) -> Iterator[Api]:
    """A client that can send many requests concurrently."""
    with programs(settings, **_CONCURRENCY).web() as url:
        yield Api(Remote(url))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def sqlite_api(sqlite_settings: Settings) -> Iterator[Api]:
    """A client like `api`, for the server on SQLite."""
    with programs(sqlite_settings, **_CONCURRENCY).web() as url:
        yield Api(Remote(url))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def sqlite_settings(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("races")
    shutil.copy(sqlite_template, folder / "app.db")
    return Settings(app_env="development", data_dir=folder, database_url=f"sqlite:///{folder}/app.db")


@pytest.fixture(scope="session", params=["postgresql", pytest.param("sqlite", marks=pytest.mark.full)])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service under test, on each kind of database."""
    prefix = "" if request.param == "postgresql" else "sqlite_"
    settings: Settings = request.getfixturevalue(f"{prefix}settings")
    with application(settings) as app:
        yield Service(request.getfixturevalue(f"{prefix}api"), app, settings)


@pytest.fixture
def token_of(settings: Settings) -> Callable[[str], str]:
    """A function that returns the token in an invitation's email."""

    def issue(invitation_id: str) -> str:
        with separate_app_context(settings):
            return signing.issue("invitation", UUID(invitation_id), 1)

    return issue
