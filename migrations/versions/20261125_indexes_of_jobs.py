"""replace the indexes on jobs, so that finished jobs do not slow down the search for active ones"""

from project.infrastructure.database.indexes import create_index, drop_index

revision = "c41f7d20b9e3"
down_revision = "a97be5d31c08"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_jobs_active", "jobs", ["publish_at"], "status IN ('queued', 'running')")
    create_index("uq_jobs_dedupe", "jobs", ["name", "dedupe_key"], "dedupe_key IS NOT NULL", unique=True)
    create_index("ix_jobs_status_id", "jobs", ["status", "id"])
    create_index("ix_jobs_status_name_id", "jobs", ["status", "name", "id"])
    drop_index("ix_jobs_status_publish_at", "jobs")


def downgrade() -> None:
    create_index("ix_jobs_status_publish_at", "jobs", ["status", "publish_at"])
    for name in ("ix_jobs_active", "uq_jobs_dedupe", "ix_jobs_status_id", "ix_jobs_status_name_id"):
        drop_index(name, "jobs")
