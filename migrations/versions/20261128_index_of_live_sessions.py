"""add an index of the sessions that have not ended"""

from project.infrastructure.database.indexes import create_index, drop_index

revision = "7e05b8a3d914"
down_revision = "2b9d61f4c0e7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_sessions_not_ended", "sessions", ["user_id", "id"], "ended_at IS NULL")


def downgrade() -> None:
    drop_index("ix_sessions_not_ended", "sessions")
