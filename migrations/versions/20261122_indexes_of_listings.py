"""replace the indexes for list queries"""

from contextlib import nullcontext
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "8c3d5e1f60a7"
down_revision = "5f0c1a7d9e42"
branch_labels = None
depends_on = None

_PERSONAL = "organization_id IS NULL"
_SHARED = "organization_id IS NOT NULL"
_SHARED_TRASH = f"{_SHARED} AND status = 'trashed'"
_NEW = (
    ("ix_files_personal", "files", ["owner_id", "status", "id"], _PERSONAL),
    ("ix_files_personal_by_type", "files", ["owner_id", "status", "content_type", "id"], _PERSONAL),
    ("ix_files_shared", "files", ["organization_id", "status", "id"], _SHARED),
    ("ix_files_shared_by_type", "files", ["organization_id", "status", "content_type", "id"], _SHARED),
    ("ix_files_own_trash", "files", ["owner_id", "organization_id", "id"], _SHARED_TRASH),
    ("ix_files_own_trash_by_type", "files", ["owner_id", "organization_id", "content_type", "id"], _SHARED_TRASH),
    ("ix_invitations_organization_id_status_id", "invitations", ["organization_id", "status", "id"], None),
    ("ix_invitations_pending", "invitations", ["expires_at", "organization_id"], "status = 'pending'"),
    ("ix_memberships_organization_id_id", "memberships", ["organization_id", "id"], None),
)
_OLD = (
    ("ix_files_owner_id_status_id", "files", ["owner_id", "status", "id"], None),
    ("ix_files_organization_id_status_id", "files", ["organization_id", "status", "id"], None),
    ("ix_memberships_user_id_organization_id", "memberships", ["user_id", "organization_id"], None),
)


def upgrade() -> None:
    with _without_locking():
        _replace(old=_OLD, new=_NEW, unique=["user_id", "organization_id"])


def downgrade() -> None:
    with _without_locking():
        _replace(old=_NEW, new=_OLD, unique=["organization_id", "user_id"])


def _without_locking() -> Any:
    # PostgreSQL can create an index without blocking writes (CONCURRENTLY), but only outside a transaction.
    context = op.get_context()
    return context.autocommit_block() if context.dialect.name == "postgresql" else nullcontext()


def _replace(*, old: Any, new: Any, unique: list[str]) -> None:
    for index in new:
        _create(*index)
    if op.get_context().dialect.name == "postgresql":
        _create(_name(unique), "memberships", unique, None, unique=True)
    for name, table, _columns, _where in old:
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    _replace_unique(unique)


def _create(name: str, table: str, columns: list[str], where: str | None, unique: bool = False) -> None:
    # An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index behind, which a rollback does not remove.
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    condition = where if where is None else sa.text(where)
    wheres = {"sqlite_where": condition, "postgresql_where": condition}
    op.create_index(name, table, columns, unique=unique, postgresql_concurrently=True, **wheres)


def _replace_unique(columns: list[str]) -> None:
    name, old = _name(columns), _name(columns[::-1])
    if op.get_context().dialect.name == "postgresql":
        # Keep this a single statement, and keep it last: a migration interrupted at any earlier point can be run again.
        op.execute(f"ALTER TABLE memberships ADD CONSTRAINT {name} UNIQUE USING INDEX {name}, DROP CONSTRAINT {old}")
        return
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.drop_constraint(old, type_="unique")
        batch_op.create_unique_constraint(name, columns)


def _name(columns: list[str]) -> str:
    return "_".join(["uq_memberships", *columns])
