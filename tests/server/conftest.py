"""A real gunicorn server, shared by all tests in this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.clients.raw_http import Server, gunicorn


@pytest.fixture(scope="session")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running gunicorn server with four threads and its own database."""
    with gunicorn(tmp_path_factory.mktemp("gunicorn"), sqlite_template) as server:
        yield server
