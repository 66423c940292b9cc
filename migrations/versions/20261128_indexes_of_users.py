"""add the indexes for listing users"""

from project.infrastructure.database.indexes import create_index, drop_index

revision = "b51f08e4a9c2"
down_revision = "9d2e60b7c3f8"
branch_labels = None
depends_on = None

_COLUMNS = (["role", "id"], ["status", "id"], ["role", "status", "id"])


def upgrade() -> None:
    for columns in _COLUMNS:
        create_index(_name(columns), "users", columns)


def downgrade() -> None:
    for columns in _COLUMNS:
        drop_index(_name(columns), "users")


def _name(columns: list[str]) -> str:
    return "_".join(["ix_users", *columns])
