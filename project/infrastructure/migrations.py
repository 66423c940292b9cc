"""Whether the tables are those that this code was written for."""

from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from project.infrastructure.database import read

_DIRECTORY = Path(__file__).parents[2] / "migrations"


class NotMigrated(RuntimeError):
    """The database is at another revision than the code."""


def ensure_migrated() -> None:
    """Raises NotMigrated, or ServiceUnavailable."""
    with read() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
    if set(found) != _wanted():
        raise NotMigrated(f"the database is at {found}, the code at {sorted(_wanted())}: run `flask db upgrade`")


@cache
def _wanted() -> frozenset[str]:
    return frozenset(ScriptDirectory(str(_DIRECTORY)).get_heads())
