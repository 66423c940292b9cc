"""replace the indexes on jobs, so that finished jobs do not slow down the search for active ones"""

from contextlib import nullcontext
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "c41f7d20b9e3"
down_revision = "a97be5d31c08"
branch_labels = None
depends_on = None

_NEW = (
    ("ix_jobs_active", ["publish_at"], "status IN ('queued', 'running')", False),
    ("uq_jobs_dedupe", ["name", "dedupe_key"], "dedupe_key IS NOT NULL", True),
    ("ix_jobs_status_id", ["status", "id"], None, False),
    ("ix_jobs_status_name_id", ["status", "name", "id"], None, False),
)
_OLD = (("ix_jobs_status_publish_at", ["status", "publish_at"], None, False),)


def upgrade() -> None:
    with _without_locking():
        _replace(old=_OLD, new=_NEW)


def downgrade() -> None:
    with _without_locking():
        _replace(old=_NEW, new=_OLD)


def _without_locking() -> Any:
    # PostgreSQL can create an index without blocking writes (CONCURRENTLY), but only outside a transaction.
    context = op.get_context()
    return context.autocommit_block() if context.dialect.name == "postgresql" else nullcontext()


def _replace(*, old: Any, new: Any) -> None:
    for index in new:
        _create(*index)
    for name, _columns, _where, _unique in old:
        op.drop_index(name, "jobs", if_exists=True, postgresql_concurrently=True)


def _create(name: str, columns: list[str], where: str | None, unique: bool) -> None:
    # An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index behind, which a rollback does not remove.
    op.drop_index(name, "jobs", if_exists=True, postgresql_concurrently=True)
    condition = where if where is None else sa.text(where)
    wheres = {"sqlite_where": condition, "postgresql_where": condition}
    op.create_index(name, "jobs", columns, unique=unique, postgresql_concurrently=True, **wheres)
