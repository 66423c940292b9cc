"""Every order of the statements of two operations leads to the same results and rows as one of their serial orders."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import pytest

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db
from tests.kit.clients.api import Api
from tests.kit.interleaving.explorer import Explorer, explorer
from tests.kit.interleaving.operations import create_world, operations
from tests.kit.servers.services import Postgres

_PAIRS = list(combinations_with_replacement(sorted(operations()), 2))


@pytest.fixture(scope="module")
def exploring(
    postgres_server: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Explorer]:
    """An explorer of an application whose database contains a world."""
    url = postgres_server.create_database(postgres_template)
    app = create_app(
        Settings(app_env="development", data_dir=tmp_path_factory.mktemp("interleavings"), database_url=url)
    )
    world = create_world(Api(app.test_client()))
    with explorer(app, url, world) as exploring:
        yield exploring
    with app.app_context():
        db.engine.dispose()
    postgres_server.drop(url)


@pytest.mark.parametrize("pair", _PAIRS, ids="-".join)
def test_pair_has_only_serial_outcomes(exploring: Explorer, pair: tuple[str, str]) -> None:
    found = exploring.explore(*pair)
    if found.anomalies:
        pytest.fail(exploring.describe(pair, found))
