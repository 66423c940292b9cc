"""Somebody to do things, and a driver whose children die while they do them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from project.config import Settings
from tests.interruptions.driver import driver
from tests.interruptions.flows import World
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import application, at_work
from tests.kit.servers.services import Postgres


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    """A world of its own for each test."""
    with _world(settings) as world:
        yield world


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for many tests, on each kind of database: each makes whatever it looks at."""
    folder = tmp_path_factory.mktemp("world")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "app.db")
        url = f"sqlite:///{folder}/app.db"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        url = server.create_database(request.getfixturevalue("postgres_template"))
    with _world(Settings(app_env="development", data_dir=folder, database_url=url)) as world:
        yield world


@contextmanager
def _world(settings: Settings) -> Iterator[World]:
    # Looked at from another application: requests must not share this context, nor its session.
    with application(settings) as app, driver(settings) as doomed, at_work(settings):
        yield World(Api(app.test_client()), doomed)
