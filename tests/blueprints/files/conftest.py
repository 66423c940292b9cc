"""Fixtures for file tests: a logged-in user, the stored rows and objects, and a way to change settings."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from project.blueprints.files.models import File
from project.config import Settings
from project.infrastructure.database import read
from tests.kit.clients.api import Api

Stored = Callable[[], tuple[list[Any], list[str]]]


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user("ada@example.com")


@pytest.fixture
def stored(app: Flask, settings: Settings) -> Stored:
    """Return a function that reads the rows of all files, regardless of status, and the keys of all stored objects."""

    def stored() -> tuple[list[Any], list[str]]:
        store = settings.data_dir / "files"
        with app.app_context(), read() as connection:
            rows = list(connection.execute(select(File.__table__)))
        return rows, sorted(str(path.relative_to(store)) for path in store.rglob("*") if path.is_file())

    return stored


@pytest.fixture
def change_settings(app: Flask) -> Callable[..., None]:
    """Return a function that changes settings of the running application."""

    def change(**values: Any) -> None:
        app.extensions["settings"] = app.extensions["settings"].model_copy(update=values)

    return change
