"""The service under test: an API client, and access to the database and the store."""

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
class Service:
    """`api` sends requests to the service. `app` has the same settings and is used only to read the database."""

    api: Api
    app: Flask
    settings: Settings

    @property
    def is_sqlite(self) -> bool:
        return self.settings.database_url.startswith("sqlite")

    def count_rows(self, model: Any, *conditions: Any) -> int:
        with self.app.app_context(), read() as connection:
            return connection.scalar(select(func.count()).select_from(model).where(*conditions)) or 0

    def count_jobs(self, name: str, **arguments: str) -> int:
        """Return the number of jobs with this name whose arguments include the given ones."""
        with self.app.app_context(), read() as connection:
            found = connection.scalars(select(Job.arguments).where(Job.name == name)).all()
        return sum(arguments.items() <= row.items() for row in found)

    def orphans(self, owner_id: str) -> tuple[list[str], list[str]]:
        """Return all statuses of an owner's files except `stored`, and the keys of objects without a visible file."""
        owned = select(File.status, File.storage_key).where(File.owner_id == UUID(owner_id))
        visible = select(File.storage_key).where(File.status.in_(["stored", "trashed"]))
        with self.app.app_context(), read() as connection:
            rows = connection.execute(owned).all()
            expected = {f"{key}/original" for key in connection.scalars(visible)}
        store = self.settings.data_dir / "files"
        objects = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
        return [row.status for row in rows if row.status != "stored"], sorted(objects - expected)


def unique(prefix: str) -> str:
    """Return a unique name that starts with `prefix`."""
    return f"{prefix}-{next(_numbers)}"
