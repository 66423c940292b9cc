"""Runs the migrations on the application's own engine; called by `flask --app wsgi db …`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text
from sqlalchemy.types import TypeDecorator

migrate = current_app.extensions["migrate"]


def render_item(kind: str, item: Any, _autogenerate: Any) -> str | bool:
    """Migrations outlive the code: they name SQLAlchemy's own types only."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def leave_out_nothing(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Make no revision that changes nothing."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives.clear()


@contextmanager
def without_limits(connection: Connection) -> Iterator[None]:
    """A request may not take this long, a migration may; and SQLite rebuilds tables that others refer to."""
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


def run() -> None:
    with migrate.db.engine.connect() as connection, without_limits(connection):
        context.configure(
            connection=connection,
            target_metadata=migrate.db.metadata,
            render_item=render_item,
            process_revision_directives=leave_out_nothing,
            compare_server_default=True,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
