"""Migrations match the models, can be downgraded and do not block writes, on both SQLite and PostgreSQL."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate, downgrade, migrate, upgrade
from sqlalchemy import inspect, text

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db
from project.infrastructure.database.migrations import NotMigrated, code_revisions, ensure_migrated
from project.infrastructure.database.models import Base
from tests.kit.deployment.programs import ROOT
from tests.kit.servers.services import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application whose database has no tables. Its context is active."""
    settings = Settings(app_env="development", data_dir=tmp_path)
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        settings = Settings(app_env="development", data_dir=tmp_path, database_url=server.create_database())
    app = create_app(settings)
    Migrate(app, db)
    with app.app_context():
        yield app
        db.engine.dispose()


def tables() -> set[str]:
    """Return the names of the tables in the database."""
    return set(inspect(db.engine).get_table_names())


def differences() -> list[Any]:
    """Return the differences between the database schema and the models."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "render_as_batch": True}
        )
        return list(compare_metadata(context, Base.metadata))


def add_job(name: str, status: str, dedupe_key: str) -> None:
    """Insert a job with raw SQL, as an earlier release would have."""
    columns = "id, name, arguments, status, dedupe_key, attempts, due_at, publish_at, created_at, updated_at"
    values = f"'{uuid4().hex}', '{name}', '{{}}', '{status}', '{dedupe_key}', 0"
    with db.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO jobs ({columns}) VALUES ({values}{', CURRENT_TIMESTAMP' * 4})"))


def names_of_jobs() -> list[str]:
    """Return the names of all jobs in alphabetical order."""
    with db.engine.connect() as connection:
        return list(connection.scalars(text("SELECT name FROM jobs ORDER BY name")))


def add_user(role: str = "user", status: str = "active") -> str:
    """Insert a user with raw SQL, as an earlier release would have, and return the id."""
    user = uuid4().hex
    columns = "id, email, email_key, email_verified, display_name, password_hash, role, status, created_at, updated_at"
    values = f"'{user}', '{user}', '{user}', true, '', '', '{role}', '{status}'"
    with db.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO users ({columns}) VALUES ({values}{', CURRENT_TIMESTAMP' * 2})"))
    return user


def add_file(thumbnails: str) -> None:
    """Insert a user and a file of that user with raw SQL, as an earlier release would have."""
    user, file = add_user(), uuid4().hex
    columns = "id, owner_id, storage_key, status, filename, content_type, size, sha256, thumbnails"
    values = f"'{file}', '{user}', '{file}', 'stored', '', '', 1, '', '{thumbnails}'"
    with db.engine.begin() as connection:
        times = "created_at, updated_at) VALUES"
        connection.execute(text(f"INSERT INTO files ({columns}, {times} ({values}{', CURRENT_TIMESTAMP' * 2})"))


def thumbnail_sizes() -> dict[str, str]:
    """Return the thumbnail sizes of all files by the status of their thumbnails."""
    with db.engine.connect() as connection:
        rows = connection.execute(text("SELECT thumbnails, thumbnail_sizes FROM files"))
        return {row.thumbnails: row.thumbnail_sizes for row in rows}


@pytest.mark.usefixtures("app")
def test_migrated_schema_matches_models() -> None:
    upgrade()
    assert differences() == []


@pytest.mark.usefixtures("app")
def test_migrations_can_be_downgraded_and_upgraded_again() -> None:
    upgrade()
    created = tables()
    downgrade(revision="base")
    assert tables() == {"alembic_version"}
    upgrade()
    assert tables() == created == {*Base.metadata.tables, "alembic_version"}


@pytest.mark.usefixtures("app")
def test_stored_job_names_are_renamed_by_upgrade_and_restored_by_downgrade() -> None:
    upgrade(revision="c41f7d20b9e3")
    add_job("files.sweep", "dead", "1")
    add_job("invitations.sweep", "queued", "2")
    add_job("invitations.sweep", "done", "3")
    add_job("invitations.expire", "done", "3")
    upgrade()
    assert names_of_jobs() == ["files.purge", "invitations.expire"]
    downgrade(revision="c41f7d20b9e3")
    assert names_of_jobs() == ["files.sweep", "invitations.sweep"]


@pytest.mark.usefixtures("app")
def test_existing_images_have_both_thumbnail_sizes_after_upgrade() -> None:
    upgrade(revision="d7b0e4a8f215")
    for thumbnails in ("ready", "pending", "failed", "unsupported"):
        add_file(thumbnails)
    for _ in range(2):
        upgrade()
        assert thumbnail_sizes() == {"ready": "large,small", "pending": "", "failed": "", "unsupported": ""}
        downgrade(revision="d7b0e4a8f215")


@pytest.mark.usefixtures("app")
def test_existing_active_admins_are_counted_by_upgrade() -> None:
    upgrade(revision="4c8a1f7e2d60")
    for role, status in {("admin", "active"), ("admin", "disabled"), ("user", "active")}:
        add_user(role, status)
    add_user("admin", "active")
    upgrade()
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT id, active_admins FROM admin_count")).all() == [(1, 2)]


@pytest.mark.usefixtures("app")
def test_indexes_left_by_interrupted_upgrade_are_replaced() -> None:
    upgrade(revision="5f0c1a7d9e42")
    with db.engine.begin() as connection:
        connection.execute(text("CREATE INDEX ix_files_personal ON files (size)"))
        connection.execute(text("CREATE INDEX uq_memberships_user_id_organization_id ON memberships (role)"))
    upgrade()
    assert differences() == []


@pytest.mark.usefixtures("app")
def test_upgrading_an_up_to_date_database_changes_nothing() -> None:
    upgrade()
    upgrade()
    ensure_migrated()


@pytest.mark.usefixtures("app")
def test_not_migrated_is_raised_if_database_is_outdated() -> None:
    with pytest.raises(NotMigrated, match="flask db upgrade"):
        ensure_migrated()


@pytest.mark.usefixtures("app")
def test_database_migrated_by_the_next_release_is_accepted() -> None:
    upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'next-release'"))
    ensure_migrated()


def test_revisions_of_the_code_are_those_of_alembic() -> None:
    directory = ScriptDirectory(str(ROOT / "migrations"))
    revisions, superseded = code_revisions()
    assert revisions == {script.revision for script in directory.walk_revisions()}
    assert revisions - superseded == set(directory.get_heads())


@pytest.mark.usefixtures("app")
def test_draft_resembles_the_committed_migrations(tmp_path: Path) -> None:
    upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("DROP TABLE idempotency_records"))
    folder = shutil.copytree(MIGRATIONS[0].parents[1], tmp_path / "migrations")
    migrate(str(folder), message="add idempotency records with an index on their expiry times")
    [draft] = [
        file for file in (folder / "versions").glob("*.py") if file.name not in {each.name for each in MIGRATIONS}
    ]
    migration = draft.read_text()
    assert draft.stem.endswith("_add_idempotency_records_with_")
    assert "###" not in migration
    assert "batch_op" not in migration
    assert [arguments(call)[1] for call in calls(ast.parse(migration), "op", "create_index")] == ["idempotency_records"]
    upgrade(str(folder))
    assert differences() == []


def blocking_indexes(migration: str) -> set[str]:
    """Return the existing tables on which a migration creates an index in a way that blocks writes."""
    functions = [each for each in ast.parse(migration).body if isinstance(each, ast.FunctionDef)]
    [upgrade] = [each for each in functions if each.name == "upgrade"]
    batches = [each for each in ast.walk(upgrade) if isinstance(each, ast.With)]
    indexing = [each for each in batches if any(calls(each, "batch_op", "create_index"))]
    indexed = {arguments(each.items[0].context_expr)[0] for each in indexing}
    indexed |= {arguments(call)[1] for call in calls(upgrade, "op", "create_index")}
    return indexed - {arguments(call)[0] for call in calls(upgrade, "op", "create_table")}


def calls(node: ast.AST, target: str, method: str) -> Iterator[ast.Call]:
    """Yield the calls of `target.method()` within `node`."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and ast.unparse(each.func) == f"{target}.{method}":
            yield each


def arguments(call: ast.expr) -> list[str]:
    """Return the source of the positional arguments of a call."""
    assert isinstance(call, ast.Call)
    return [ast.unparse(argument).strip("'") for argument in call.args]


MIGRATIONS = sorted((Path(__file__).parents[1] / "migrations" / "versions").glob("*.py"))


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda file: file.stem)
def test_migration_creates_no_index_that_blocks_writes(migration: Path) -> None:
    assert blocking_indexes(migration.read_text()) == set(), (
        "create the indexes on these tables in a separate migration, with create_index() from "
        "project.infrastructure.database.indexes"
    )


@pytest.mark.parametrize(
    "statements",
    [
        'op.create_index("ix_files_name", "files", ["name"])',
        'with op.batch_alter_table("files") as batch_op: batch_op.create_index("ix_files_name", ["name"])',
    ],
)
def test_index_that_blocks_writes_to_an_existing_table_is_detected(statements: str) -> None:
    created = 'op.create_table("notes"); op.create_index("ix_notes_name", "notes", ["name"])'
    assert blocking_indexes(f"def upgrade():\n    {created}\n    {statements}") == {"files"}
