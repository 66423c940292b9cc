"""Environments are reset after each test, so that no test sees what an earlier one changed."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event, inspect, text

from project.http.routing.access import public
from project.infrastructure.database import db
from tests.kit.clients.api import Api
from tests.kit.fixtures.environments import Environment


def execute(environment: Environment, statement: str) -> None:
    with environment.app.app_context(), db.engine.begin() as connection:
        connection.execute(text(statement))


def schema(environment: Environment) -> dict[str, list[str]]:
    """Return the names of the columns and indexes of each table."""
    with environment.app.app_context():
        tables = inspect(db.engine)
        return {
            table: [str(each["name"]) for each in [*tables.get_columns(table), *tables.get_indexes(table)]]
            for table in tables.get_table_names()
        }


def test_reset_deletes_data_and_keeps_application(environment: Environment) -> None:
    app, folder = environment.app, environment.settings.data_dir / "mail"
    Api(app.test_client()).register("ada@example.com")
    folder.mkdir()
    environment.reset()
    Api(app.test_client()).register("ada@example.com")
    assert not folder.exists()
    assert environment.app is app


def test_reset_restores_replaced_extension(environment: Environment) -> None:
    mailer = environment.app.extensions["mailer"]
    environment.app.extensions["mailer"] = None
    environment.reset()
    assert environment.app.extensions["mailer"] is mailer


def add_route(app: Flask) -> None:
    app.add_url_rule("/added", view_func=lambda: "", access=public)


def add_hook(app: Flask) -> None:
    app.before_request(lambda: None)


def add_listener(app: Flask) -> None:
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *_call: None)


def add_middleware(app: Flask) -> None:
    app.wsgi_app = lambda *_call: []  # type: ignore[method-assign]


@pytest.mark.parametrize("change", [add_route, add_hook, add_listener, add_middleware])
def test_reset_discards_changed_application(environment: Environment, change: Callable[[Flask], None]) -> None:
    changed = environment.app
    change(changed)
    environment.reset()
    assert environment.app is not changed


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE users ADD COLUMN added integer",
        "CREATE INDEX added ON users (created_at)",
        "DROP TABLE files",
    ],
)
def test_reset_restores_schema(environment: Environment, statement: str) -> None:
    original = schema(environment)
    execute(environment, statement)
    assert schema(environment) != original
    environment.reset()
    assert schema(environment) == original


def test_reset_ends_open_transactions(environment: Environment) -> None:
    with environment.app.app_context():
        connection = db.engine.connect()
        connection.execute(text("DELETE FROM users"))
    environment.reset()
    Api(environment.app.test_client()).register()
    connection.invalidate()
