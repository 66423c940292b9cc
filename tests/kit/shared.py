"""An application on SQLite for a whole module, for what asks little of the database and leaves nothing behind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db
from tests.kit.api import Api


@pytest.fixture(scope="module")
def shared_app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application that the tests of a module share, so none of them may leave what another would see."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(sqlite_template, folder / "app.db")
    app = create_app(Settings(app_env="development", data_dir=folder))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def shared_api(shared_app: Flask) -> Api:
    """A client of the shared application, nobody signed in."""
    return Api(shared_app.test_client())
