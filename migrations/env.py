"""Runs the migrations with the application's engine. Called by `flask --app wsgi db …`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.types import TypeDecorator

from project.infrastructure.database import db
from project.infrastructure.database.models import Base


def render_item(kind: str, item: Any, _autogenerate: Any) -> str | bool:
    """Render custom column types as SQLAlchemy types, since migrations must not depend on code that may change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def skip_empty_revision(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Do not create a revision without operations."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives.clear()


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
            process_revision_directives=skip_empty_revision,
            compare_server_default=True,
            render_as_batch=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
