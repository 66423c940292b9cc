"""add the used generations of sessions"""

import sqlalchemy as sa
from alembic import op

revision = "2b9d61f4c0e7"
down_revision = "f1c86b2e9d53"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("used_generation", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("sessions", "used_generation")
