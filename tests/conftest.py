"""What every test may ask for: an application on each database, and a client of its API."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db
from tests.kit.clients.api import Api
from tests.kit.servers.services import Postgres

pytest_plugins = ["tests.kit.fixtures.services"]
# Before anything imports them: what they assert is to be shown.
pytest.register_assert_rewrite("tests.conformance.checks", "tests.conformance.world")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """A setting in the environment of whoever runs the tests must not decide how they end."""
    with pytest.MonkeyPatch.context() as patch:
        for name, field in Settings.model_fields.items():
            patch.delenv(name.upper(), raising=False)
            for alias in getattr(field.validation_alias, "choices", []):
                patch.delenv(alias, raising=False)
        # Tests send more than one address may; those of the limits switch them on.
        patch.setenv("RATE_LIMIT_ENABLED", "false")
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file to copy."""
    folder = tmp_path_factory.mktemp("sqlite")
    _migrate(Settings(app_env="development", data_dir=folder))
    return folder / "app.db"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a migrated database to copy."""
    url = postgres_server.create_database()
    _migrate(Settings(app_env="development", data_dir=tmp_path_factory.mktemp("postgres"), database_url=url))
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty, migrated database; tests that ask for it run on each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "app.db")
        yield f"sqlite:///{tmp_path}/app.db"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    url = server.create_database(request.getfixturevalue("postgres_template"))
    yield url
    server.drop(url)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a development application in a folder of its own."""
    return Settings(app_env="development", data_dir=tmp_path, database_url=database_url)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """An application whose jobs wait in their table, since nothing publishes them."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def api(app: Flask) -> Api:
    """A client of the API, nobody signed in."""
    return Api(app.test_client())


def _migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        upgrade()
        db.engine.dispose()
