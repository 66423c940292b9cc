"""fill in the thumbnail sizes of existing images, and index them"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from project.infrastructure.database.indexes import create_index, drop_index, outside_transaction

revision = "f1c86b2e9d53"
down_revision = "e3a95c0d7b46"
branch_labels = None
depends_on = None

_BATCH_SIZE = 1000


def upgrade() -> None:
    # This is a separate migration, so that adding the column locks the table only briefly on PostgreSQL.
    with outside_transaction():
        _fill()
    create_index("ix_files_thumbnail_sizes", "files", ["thumbnail_sizes"], "status = 'stored' AND thumbnails = 'ready'")


def _fill() -> None:
    """Set the sizes of images that have none, in batches, so that each row is locked only briefly."""
    files = sa.table("files", sa.column("id", sa.Uuid), sa.column("thumbnails"), sa.column("thumbnail_sizes"))
    first_ids, last = sa.select(files.c.id).order_by(files.c.id).limit(_BATCH_SIZE), UUID(int=0)
    while ids := op.get_bind().scalars(first_ids.where(files.c.id > last)).all():
        last = ids[-1]
        without_sizes = sa.and_(files.c.thumbnails == "ready", files.c.thumbnail_sizes == "")
        fill = files.update().where(files.c.id.between(ids[0], last), without_sizes)
        op.execute(fill.values(thumbnail_sizes="large,small"))


def downgrade() -> None:
    drop_index("ix_files_thumbnail_sizes", "files")
