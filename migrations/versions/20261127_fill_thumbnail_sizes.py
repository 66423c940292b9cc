"""fill in the thumbnail sizes of existing images, and index them"""

import sqlalchemy as sa
from alembic import op

from project.infrastructure.database.indexes import create_index, drop_index

revision = "f1c86b2e9d53"
down_revision = "e3a95c0d7b46"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # This is a separate migration, so that adding the column locks the table only briefly on PostgreSQL.
    files = sa.table("files", sa.column("thumbnails", sa.Text), sa.column("thumbnail_sizes", sa.Text))
    op.execute(files.update().where(files.c.thumbnails == "ready").values(thumbnail_sizes="large,small"))
    create_index("ix_files_thumbnail_sizes", "files", ["thumbnail_sizes"], "status = 'stored' AND thumbnails = 'ready'")


def downgrade() -> None:
    drop_index("ix_files_thumbnail_sizes", "files")
