"""Checks that the database schema is not older than the code."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import inspect, text

from project.infrastructure.database import read

_DIRECTORY = Path(__file__).parents[3] / "migrations" / "versions"


class NotMigrated(RuntimeError):
    """The database is at an earlier revision than the code."""


def ensure_migrated() -> None:
    """Raise NotMigrated if the schema is older than the code. Raises ServiceUnavailable.

    A revision that is unknown to this code is accepted: a newer release has already migrated the database.
    """
    current = _database_revisions()
    known, superseded = code_revisions()
    expected = known - superseded
    if current != expected and current <= known:
        raise NotMigrated(
            f"the database is at {sorted(current)}, the code at {sorted(expected)}: run `flask db upgrade`"
        )


@cache
def code_revisions() -> tuple[set[str], set[str]]:
    """Return the ids of all migrations, and of those that have a successor.

    Reads them from the files: importing Alembic would cost each process a tenth of its start time, and 6 MB.
    """
    files = [path.read_text(encoding="utf-8") for path in _DIRECTORY.glob("*.py")]
    return _assigned("revision", files), _assigned("down_revision", files)


def _assigned(name: str, files: list[str]) -> set[str]:
    values = [value for file in files for value in re.findall(rf"^{name}\b[^=]*=(.*)$", file, re.MULTILINE)]
    return {revision for value in values for revision in re.findall(r"""["'](.+?)["']""", value)}


def _database_revisions() -> set[str]:
    with read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return set()
        return set(connection.scalars(text("SELECT version_num FROM alembic_version")))
