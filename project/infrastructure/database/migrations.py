"""Whether the tables are those that this code was written for."""

from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from project.infrastructure.database import read

_DIRECTORY = Path(__file__).parents[3] / "migrations"


class NotMigrated(RuntimeError):
    """The database is at an earlier revision than the code."""


def ensure_migrated() -> None:
    """Raises NotMigrated, or ServiceUnavailable.

    A revision that this code does not know is a later one: the next release has migrated already.
    """
    with read() as connection:
        found = set(MigrationContext.configure(connection).get_current_heads())
    wanted = set(_directory().get_heads())
    if found != wanted and found <= {script.revision for script in _directory().walk_revisions()}:
        raise NotMigrated(f"the database is at {sorted(found)}, the code at {sorted(wanted)}: run `flask db upgrade`")


@cache
def _directory() -> ScriptDirectory:
    return ScriptDirectory(str(_DIRECTORY))
