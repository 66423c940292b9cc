"""add a trace id to jobs"""

import sqlalchemy as sa
from alembic import op

revision = "5f0c1a7d9e42"
down_revision = "5d0e9a4c7b12"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trace_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "trace_id")
