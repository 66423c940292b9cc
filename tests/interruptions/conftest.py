"""Fixtures: an API client for simulated users, and a runner whose child processes can be killed mid-operation."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from project.config import Settings
from tests.interruptions.flows import World
from tests.interruptions.process_runner import ProcessRunner, process_runner
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import application, separate_app_context
from tests.kit.fixtures.environments import Environment
from tests.kit.servers.services import Postgres


@pytest.fixture
def world(environment: Environment, runner_for: Callable[[Environment], ProcessRunner]) -> Iterator[World]:
    """A `World` for a single test."""
    with separate_app_context(environment.settings):
        yield World(Api(environment.app.test_client()), runner_for(environment))


@pytest.fixture(scope="package")
def runner_for() -> Iterator[Callable[[Environment], ProcessRunner]]:
    """A function that returns the runner of an environment. The runner itself never connects to the database."""
    with ExitStack() as stack:
        yield cache(lambda environment: stack.enter_context(process_runner(environment.settings)))


@pytest.fixture(scope="module", params=[pytest.param("sqlite", marks=pytest.mark.full), "postgresql"])
def shared_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A `World` for all tests in a module, on each kind of database. Tests must create everything that they check."""
    folder = tmp_path_factory.mktemp("world")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "app.db")
        url = f"sqlite:///{folder}/app.db"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        url = server.create_database(request.getfixturevalue("postgres_template"))
    settings = Settings(app_env="development", data_dir=folder, database_url=url)
    # Use the context of a second application, because requests must share neither this context nor its session.
    with application(settings) as app, process_runner(settings) as run, separate_app_context(settings):
        yield World(Api(app.test_client()), run)
