"""Resets a PostgreSQL database to a snapshot, and dumps its rows."""

from typing import Any

import psycopg

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
_IGNORED = {"alembic_version"}


class Snapshot:
    """The rows of all tables at the time of its creation."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._tables = [name for (name,) in self._connection.execute(_TABLES) if name not in _IGNORED]
        copies = [f"CREATE TABLE snapshot.{name} AS TABLE public.{name}" for name in self._tables]
        self._execute("DROP SCHEMA IF EXISTS snapshot CASCADE", "CREATE SCHEMA snapshot", *copies)

    def restore(self) -> None:
        """Restore the rows. Foreign keys are not checked, so the order of the tables does not matter."""
        replaced = [
            statement
            for name in self._tables
            for statement in (f"DELETE FROM {name}", f"INSERT INTO {name} SELECT * FROM snapshot.{name}")
        ]
        self._execute("BEGIN", "SET LOCAL session_replication_role = replica", *replaced, "COMMIT")

    def rows(self) -> list[tuple[str, Any]]:
        """Return all rows with the names of their tables, in a fixed order."""
        selects = [f"SELECT '{name}', to_jsonb(t)::text FROM {name} t" for name in self._tables]
        return self._connection.execute(" UNION ALL ".join(selects) + " ORDER BY 1, 2").fetchall()

    def close(self) -> None:
        """Drop the snapshot."""
        self._execute("DROP SCHEMA snapshot CASCADE")
        self._connection.close()

    def _execute(self, *statements: str) -> None:
        self._connection.execute("; ".join(statements))
