"""count the active admins"""

import sqlalchemy as sa
from alembic import op

revision = "9d2e60b7c3f8"
down_revision = "d1c49a7be053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "admin_count",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("active_admins", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_count")),
    )
    op.execute(
        "INSERT INTO admin_count (id, active_admins) "
        "SELECT 1, count(*) FROM users WHERE role = 'admin' AND status = 'active'"
    )


def downgrade() -> None:
    op.drop_table("admin_count")
