"""A signed-in user, and a look at what is really kept of files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from project.blueprints.files.models import File
from project.infrastructure.database import read
from tests.kit.clients.api import Api

Kept = Callable[[], tuple[list[Any], list[str]]]


@pytest.fixture
def ada(api: Api) -> Api:
    return api.signed_in("ada@example.com")


@pytest.fixture
def kept(app: Flask, tmp_path: Path) -> Kept:
    """The rows of all files, whatever their status, and the keys of all objects in the store."""

    def kept() -> tuple[list[Any], list[str]]:
        store = tmp_path / "files"
        with app.app_context(), read() as connection:
            rows = list(connection.execute(select(File.__table__)))
        return rows, sorted(str(path.relative_to(store)) for path in store.rglob("*") if path.is_file())

    return kept


@pytest.fixture
def limited(app: Flask) -> Callable[..., None]:
    """Changes settings of the running application."""

    def change(**values: Any) -> None:
        app.extensions["settings"] = app.extensions["settings"].model_copy(update=values)

    return change
