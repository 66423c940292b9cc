"""The world that all checks share, on each database."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db
from tests.conformance.world import World
from tests.kit.servers.services import Postgres

_MANY = 1_000_000


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The application as it is."""
    if request.param == "sqlite":
        yield request.getfixturevalue("settle")()
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    url = server.create_database(request.getfixturevalue("postgres_template"))
    app = _application(tmp_path_factory.mktemp("world"), url)
    yield World(app)
    _leave(app)


@pytest.fixture(scope="session")
def settle(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], World]]:
    """Makes a world on SQLite, of an application as it is at that moment."""
    apps: list[Flask] = []

    def make() -> World:
        folder = tmp_path_factory.mktemp("world")
        shutil.copy(sqlite_template, folder / "app.db")
        apps.append(_application(folder, f"sqlite:///{folder}/app.db"))
        return World(apps[-1])

    yield make
    for app in apps:
        _leave(app)


def _application(folder: Path, url: str) -> Flask:
    """An application whose limits are told, but not reached."""
    settings = Settings(
        app_env="development",
        data_dir=folder,
        database_url=url,
        rate_limit_enabled=True,
        logins_per_minute=_MANY,
        registrations_per_minute=_MANY,
    )
    return create_app(settings)


def _leave(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()
