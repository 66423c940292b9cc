"""add dedupe keys and transient failure counts to jobs"""

import sqlalchemy as sa
from alembic import op

revision = "a97be5d31c08"
down_revision = "8c3d5e1f60a7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("dedupe_key", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("transient_failures", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("transient_failures")
        batch_op.drop_column("dedupe_key")
