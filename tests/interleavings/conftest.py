"""Fixtures: an explorer of an application on PostgreSQL."""

from collections.abc import Iterator

import pytest

from project.config import Settings
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.shared_app import shared_app
from tests.kit.interleaving.explorer import Explorer, explorer
from tests.kit.servers.services import Postgres

__all__ = ["shared_app"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--schedule", help="execute the steps of the selected operations only in this order, like AABBA")


@pytest.fixture(scope="session")
def exploring(
    postgres_server: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Explorer]:
    """An explorer of a separate application."""
    url = postgres_server.create_database(postgres_template)
    folder = tmp_path_factory.mktemp("interleavings")
    # The access tokens of the world must not expire during a long test run.
    settings = Settings(app_env="development", data_dir=folder, database_url=url, access_token_ttl_seconds=86400)
    with application(settings) as app, explorer(app) as exploring:
        yield exploring
    postgres_server.drop(url)
