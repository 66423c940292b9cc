"""Resets a PostgreSQL database to a snapshot, and dumps its rows."""

from typing import Any

import psycopg

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
_IGNORED = {"alembic_version"}
# No row refers to the id of an audit entry, and it depends on how many ids a rolled back transaction has used.
_ROWS = {"audit_entries": "to_jsonb(t) - 'id'"}


class Snapshot:
    """The rows of all tables at the time of its creation."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        # The explorer itself ends deadlocks.
        self._connection.execute(f"ALTER DATABASE {self._connection.info.dbname} SET deadlock_timeout = '10min'")
        self._tables = [name for (name,) in self._connection.execute(_TABLES) if name not in _IGNORED]
        self._execute("DROP SCHEMA IF EXISTS snapshot CASCADE", "CREATE SCHEMA snapshot")
        for name in self._tables:
            self._execute(
                f"CREATE TABLE snapshot.{name} AS TABLE public.{name}",
                f"ALTER TABLE public.{name} SET (autovacuum_enabled = false)",
            )

    def restore(self) -> None:
        """Restore the rows. This is faster than `TRUNCATE`, but the order of the rows on disk depends on the past."""
        copies = [f"INSERT INTO {name} SELECT * FROM snapshot.{name}" for name in self._tables]
        self._replace(*self._deletions, *copies)

    def compact(self) -> None:
        """Restore the rows, and their order on disk."""
        self._replace(*self._deletions)
        self._connection.execute("VACUUM " + ", ".join(self._tables))
        self.restore()

    def rows(self) -> list[tuple[str, Any]]:
        """Return all rows with the names of their tables, in a fixed order."""
        selects = [f"SELECT '{name}', ({_ROWS.get(name, 'to_jsonb(t)')})::text FROM {name} t" for name in self._tables]
        return self._connection.execute(" UNION ALL ".join(selects) + " ORDER BY 1, 2").fetchall()

    def close(self) -> None:
        """Drop the snapshot."""
        self._execute("DROP SCHEMA snapshot CASCADE")
        self._connection.close()

    @property
    def _deletions(self) -> list[str]:
        return [f"DELETE FROM {name}" for name in self._tables]

    def _replace(self, *statements: str) -> None:
        # Foreign keys are not checked, so the order of the tables does not matter.
        self._execute("BEGIN", "SET LOCAL session_replication_role = replica", *statements, "COMMIT")

    def _execute(self, *statements: str) -> None:
        self._connection.execute("; ".join(statements))
