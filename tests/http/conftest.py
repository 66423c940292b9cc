"""The HTTP contract asks little of the database: most of these tests share an application."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.api import Api
from tests.kit.shared import shared_api, shared_app
from tests.kit.wire import Server, gunicorn

__all__ = ["shared_api", "shared_app"]


@pytest.fixture(scope="module")
def ada(shared_api: Api) -> Api:
    """A client of the shared application, signed in."""
    return shared_api.signed_in("ada@example.com")


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real gunicorn for the tests of a module."""
    with gunicorn(tmp_path_factory.mktemp("gunicorn"), sqlite_template) as server:
        yield server
