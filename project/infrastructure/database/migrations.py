"""Checks that the database schema is not older than the code."""

from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from project.infrastructure.database import read

_DIRECTORY = Path(__file__).parents[3] / "migrations"


class NotMigrated(RuntimeError):
    """The database is at an earlier revision than the code."""


def ensure_migrated() -> None:
    """Raise NotMigrated if the schema is older than the code. Raises ServiceUnavailable.

    A revision that is unknown to this code is accepted: a newer release has already migrated the database.
    """
    with read() as connection:
        current = set(MigrationContext.configure(connection).get_current_heads())
    expected = set(_directory().get_heads())
    if current != expected and current <= {script.revision for script in _directory().walk_revisions()}:
        raise NotMigrated(
            f"the database is at {sorted(current)}, the code at {sorted(expected)}: run `flask db upgrade`"
        )


@cache
def _directory() -> ScriptDirectory:
    return ScriptDirectory(str(_DIRECTORY))
