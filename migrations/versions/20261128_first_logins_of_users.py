"""add the first logins of users; existing accounts count as used"""

import sqlalchemy as sa
from alembic import op

revision = "d1c49a7be053"
down_revision = "b35f0e6c92d4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("first_login_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE users SET first_login_at = created_at")


def downgrade() -> None:
    op.drop_column("users", "first_login_at")
