"""add the thumbnail sizes of files"""

import sqlalchemy as sa
from alembic import op

revision = "e3a95c0d7b46"
down_revision = "d7b0e4a8f215"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("files", sa.Column("thumbnail_sizes", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("files", "thumbnail_sizes")
