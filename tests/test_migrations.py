"""Migrations match the models, can be downgraded and do not block writes, on both SQLite and PostgreSQL."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

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


def insert(table: str, **values: object) -> str:
    """Insert a row with raw SQL, as an earlier release would have, and return its id in hexadecimal."""
    values = {"id": uuid4().hex, **values}
    literals = ", ".join([*map(repr, values.values()), "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"])
    with db.engine.begin() as connection:
        connection.execute(
            text(f"INSERT INTO {table} ({', '.join(values)}, created_at, updated_at) VALUES ({literals})")
        )
    return str(values["id"])


def add_job(name: str, status: str, dedupe_key: str) -> None:
    """Insert a job."""
    times = {"due_at": "2026-01-01", "publish_at": "2026-01-01"}
    insert("jobs", name=name, arguments="{}", status=status, dedupe_key=dedupe_key, attempts=0, **times)


def names_of_jobs() -> list[str]:
    """Return the names of all jobs in alphabetical order."""
    with db.engine.connect() as connection:
        return list(connection.scalars(text("SELECT name FROM jobs ORDER BY name")))


def add_user(**values: str) -> str:
    """Insert a user and return the id in hexadecimal."""
    unused = {"display_name": "", "password_hash": "", "role": "user", "status": "active"}
    email = uuid4().hex
    return insert("users", **{"email": email, "email_key": email, "email_verified": True, **unused, **values})


def add_file(thumbnails: str) -> None:
    """Insert a user and a file of that user."""
    key = uuid4().hex
    unused = {"filename": "", "content_type": "", "size": 1, "sha256": "", "status": "stored"}
    insert("files", owner_id=add_user(), storage_key=key, thumbnails=thumbnails, **unused)


def thumbnail_sizes() -> dict[str, str]:
    """Return the thumbnail sizes of all files by the status of their thumbnails."""
    return dict(rows_of("thumbnails, thumbnail_sizes", "files"))


def add_invitation(role: str, inviter: str, organization: str, email: str, status: str, expires_at: str) -> None:
    """Insert an invitation."""
    ids = {"organization_id": organization, "invited_by_id": inviter}
    times = {"issued_at": "2029-12-01", "expires_at": expires_at}
    insert("invitations", **ids, email=email, email_key=email, role=role, status=status, delivery="sent", **times)


def rows_of(columns: str, table: str) -> set[Any]:
    """Return columns of all rows of a table."""
    with db.engine.connect() as connection:
        return {tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM {table}"))}


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


OLD_KEY, NEW_KEY = "ada@b\u00fccher.example", "ada@xn--bcher-kva.example"


@pytest.mark.usefixtures("app")
def test_email_keys_of_users_are_rewritten_by_upgrade_and_restored_by_downgrade() -> None:
    upgrade(revision="b51f08e4a9c2")
    add_user(email="Ada@B\u00fccher.example", email_key=OLD_KEY)
    add_user(
        email="Grace@example.com",
        email_key="grace@example.com",
        pending_email="Grace@B\u00fccher.example",
        pending_email_key="grace@b\u00fccher.example",
    )
    earlier = rows_of("email_key, pending_email_key", "users")
    for _ in range(2):
        upgrade()
        assert rows_of("email_key, pending_email_key", "users") == {
            (NEW_KEY, None),
            ("grace@example.com", "grace@xn--bcher-kva.example"),
        }
        downgrade(revision="b51f08e4a9c2")
        assert rows_of("email_key, pending_email_key", "users") == earlier


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("other_key", [NEW_KEY, "ada@b\u00fccher\u3002example"], ids=ascii)
def test_upgrade_stops_and_changes_nothing_if_accounts_have_the_same_email_address(
    caplog: pytest.LogCaptureFixture, other_key: str
) -> None:
    upgrade(revision="b51f08e4a9c2")
    add_user(email="grace@b\u00fccher.example", email_key="grace@b\u00fccher.example")
    ids = {add_user(email=other_key, email_key=other_key), add_user(email=OLD_KEY, email_key=OLD_KEY)}
    earlier = rows_of("id, email_key", "users")
    with pytest.raises(SystemExit):
        upgrade()
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "\n" not in message
    assert {UUID(each).hex for each in re.findall(r"[0-9a-f-]{36}", message)} == ids
    assert rows_of("id, email_key", "users") == earlier
    assert rows_of("version_num", "alembic_version") == {("b51f08e4a9c2",)}


@pytest.mark.usefixtures("app")
def test_email_keys_of_invitations_are_rewritten_and_only_the_last_pending_one_is_kept() -> None:
    upgrade(revision="b51f08e4a9c2")
    ada = add_user(email="ada@example.com", email_key="ada@example.com")
    first, second = (insert("organizations", name="", slug=slug) for slug in ("first", "second"))
    add_invitation("accepted", ada, first, OLD_KEY, "accepted", "2030-01-09")
    add_invitation("earlier", ada, first, NEW_KEY, "pending", "2030-01-01")
    add_invitation("last", ada, first, OLD_KEY, "pending", "2030-01-02")
    add_invitation("earlier in second", ada, second, OLD_KEY, "pending", "2030-01-01")
    add_invitation("last in second", ada, second, NEW_KEY, "pending", "2030-01-03")
    add_invitation("other address", ada, second, "grace@example.com", "pending", "2030-01-01")
    upgrade()
    assert rows_of("role, email_key, status, version", "invitations") == {
        ("accepted", NEW_KEY, "accepted", 1),
        ("earlier", NEW_KEY, "expired", 2),
        ("last", NEW_KEY, "pending", 1),
        ("earlier in second", NEW_KEY, "expired", 2),
        ("last in second", NEW_KEY, "pending", 1),
        ("other address", "grace@example.com", "pending", 1),
    }


@pytest.mark.usefixtures("app")
def test_existing_active_admins_are_counted_by_upgrade() -> None:
    upgrade(revision="4c8a1f7e2d60")
    for role, status in {("admin", "active"), ("admin", "disabled"), ("user", "active")}:
        add_user(role=role, status=status)
    add_user(role="admin", status="active")
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
