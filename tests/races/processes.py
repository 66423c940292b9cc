"""Where a race is held: processes to send requests to, and their database and store to look at."""

from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from project.blueprints.files.models import File
from project.config import Settings
from project.infrastructure.database import read
from project.infrastructure.jobs import Job
from tests.kit.clients.api import Api

_numbers = count(1)

in_rounds = pytest.mark.parametrize(
    "rounds", [2, pytest.param(100, marks=[pytest.mark.full, pytest.mark.timeout(1800)])]
)


@dataclass(frozen=True)
class WebProcesses:
    """`app` is for looking only: requests go to the processes behind `api`."""

    api: Api
    app: Flask
    settings: Settings

    @property
    def is_sqlite(self) -> bool:
        return self.settings.database_url.startswith("sqlite")

    def rows(self, model: Any, *conditions: Any) -> int:
        """How many rows there are."""
        with self.app.app_context(), read() as connection:
            return connection.scalar(select(func.count()).select_from(model).where(*conditions)) or 0

    def jobs(self, name: str, **arguments: str) -> int:
        """How many jobs of this name have these arguments."""
        with self.app.app_context(), read() as connection:
            found = connection.scalars(select(Job.arguments).where(Job.name == name)).all()
        return sum(arguments.items() <= row.items() for row in found)

    def stray_objects(self, owner_id: str) -> tuple[list[str], list[str]]:
        """The rows of an owner that are no visible file, and the objects in the store that no visible file has."""
        mine = select(File.status, File.storage_key).where(File.owner_id == UUID(owner_id))
        visible = select(File.storage_key).where(File.status.in_(["stored", "trashed"]))
        with self.app.app_context(), read() as connection:
            rows = connection.execute(mine).all()
            named = {f"{key}/original" for key in connection.scalars(visible)}
        store = self.settings.data_dir / "files"
        objects = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
        return [row.status for row in rows if row.status != "stored"], sorted(objects - named)


def new(word: str) -> str:
    """A name that nothing has yet."""
    return f"{word}-{next(_numbers)}"
