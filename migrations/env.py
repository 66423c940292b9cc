"""Runs the migrations with the application's engine. Called by `flask --app wsgi db …`."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from alembic import context
from alembic.operations import ops
from sqlalchemy import Connection, text
from sqlalchemy.types import TypeDecorator

from project.infrastructure.database import db
from project.infrastructure.database.models import Base


def render_item(kind: str, item: Any, _autogenerate: Any) -> str | bool:
    """Render custom column types as SQLAlchemy types, since migrations must not depend on code that may change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def edit_draft(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Do not create a revision without operations. Take index operations out of batches, since they need none."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives.clear()
    for draft in directives:
        for container in (draft.upgrade_ops, draft.downgrade_ops):
            container.ops = [part for operation in container.ops for part in split_batch(operation)]


def split_batch(operation: Any) -> Iterator[Any]:
    """Yield the operation or, for the changes to a table, its index operations and the other changes, in order."""
    if not isinstance(operation, ops.ModifyTableOps):
        yield operation
        return
    for is_index, changes in groupby(operation.ops, lambda each: isinstance(each, ops.CreateIndexOp | ops.DropIndexOp)):
        if is_index:
            yield from changes
        else:
            yield ops.ModifyTableOps(operation.table_name, list(changes), schema=operation.schema)


@contextmanager
def lift_limits(connection: Connection) -> Iterator[None]:
    """Disable PostgreSQL's statement timeout, or SQLite's foreign key checks, as SQLite migrations rebuild tables."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.dbapi_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        yield
        raw.execute("PRAGMA foreign_keys=ON")
        return
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()
    yield
    connection.execute(text("RESET statement_timeout"))
    connection.commit()


def run() -> None:
    with db.engine.connect() as connection, lift_limits(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            process_revision_directives=edit_draft,
            compare_server_default=True,
            render_as_batch=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
