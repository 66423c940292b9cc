"""add the password versions of users"""

import sqlalchemy as sa
from alembic import op

revision = "4c8a1f7e2d60"
down_revision = "7e05b8a3d914"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("password_version", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("users", "password_version")
