"""Fixtures: the application under test, on SQLite and PostgreSQL, shared by all conformance checks."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from project.app import BLUEPRINTS, create_app
from project.config import Settings
from project.infrastructure.database import db
from tests.conformance import seeded_faults
from tests.conformance.world import World
from tests.kit.servers.services import Postgres

_UNREACHABLE_LIMIT = 1_000_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--changed", action="store_true", help="check only operations that differ from the main branch")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The application under test, with users and resources."""
    if request.param == "sqlite":
        yield request.getfixturevalue("create_world")()
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    url = server.create_database(request.getfixturevalue("postgres_template"))
    app = _application(tmp_path_factory.mktemp("world"), url)
    yield World(app)
    _dispose(app)


@pytest.fixture(scope="session")
def create_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], World]]:
    """A function that creates a World on SQLite with the blueprints that are registered at the time of the call."""
    apps: list[Flask] = []

    def create() -> World:
        folder = tmp_path_factory.mktemp("world")
        shutil.copy(sqlite_template, folder / "app.db")
        apps.append(_application(folder, f"sqlite:///{folder}/app.db"))
        return World(apps[-1])

    yield create
    for app in apps:
        _dispose(app)


@pytest.fixture(scope="session")
def world_with_faults(create_world: Callable[[], World]) -> World:
    """A World whose application also has a blueprint with faulty routes, and with a deprecated route."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("project.app.BLUEPRINTS", (*BLUEPRINTS, seeded_faults.blueprint))
        return create_world()


def _application(folder: Path, url: str) -> Flask:
    """Return an application that sends rate limit headers but never reaches a limit, and that sets refresh cookies."""
    settings = Settings(
        app_env="development",
        data_dir=folder,
        database_url=url,
        rate_limit_enabled=True,
        refresh_cookie_enabled=True,
        **{name: _UNREACHABLE_LIMIT for name in Settings.model_fields if "_per_" in name},
    )
    return create_app(settings)


def _dispose(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()
