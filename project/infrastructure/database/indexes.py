"""Creates and drops indexes in migrations. On PostgreSQL, this does not block writes to the table (`CONCURRENTLY`)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op
from sqlalchemy import text


def create_index(
    name: str, table: str, columns: Sequence[str], where: str | None = None, *, unique: bool = False
) -> None:
    """Create an index, which is partial if `where` is given. Replaces any index with the same name.

    An interrupted build leaves an invalid index behind, which a rollback does not remove. Because it is replaced, the
    migration can be run again.
    """
    drop_index(name, table)
    condition = None if where is None else text(where)
    with outside_transaction():
        op.create_index(
            name,
            table,
            list(columns),
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
            postgresql_concurrently=True,
        )


def drop_index(name: str, table: str) -> None:
    """Drop an index if it exists."""
    with outside_transaction():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


@contextmanager
def outside_transaction() -> Iterator[None]:
    """On PostgreSQL, commit the migration's transaction, and then each statement of the block."""
    context = op.get_context()
    if context.dialect.name != "postgresql":
        yield
        return
    with context.autocommit_block():
        yield
