"""replace the indexes for list queries"""

from typing import Any

from alembic import op

from project.infrastructure.database.indexes import create_index, drop_index

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
    _replace(old=_OLD, new=_NEW, unique=["user_id", "organization_id"])


def downgrade() -> None:
    _replace(old=_NEW, new=_OLD, unique=["organization_id", "user_id"])


def _replace(*, old: Any, new: Any, unique: list[str]) -> None:
    for index in new:
        create_index(*index)
    if op.get_context().dialect.name == "postgresql":
        create_index(_name(unique), "memberships", unique, unique=True)
    for name, table, _columns, _where in old:
        drop_index(name, table)
    _replace_unique(unique)


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
