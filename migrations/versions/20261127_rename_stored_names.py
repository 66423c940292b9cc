"""rename stored job names and the file status `removing`"""

import sqlalchemy as sa
from alembic import op

revision = "d7b0e4a8f215"
down_revision = "c41f7d20b9e3"
branch_labels = None
depends_on = None

_JOBS = {
    "files.sweep": "files.purge",
    "invitations.sweep": "invitations.expire",
    "worker.forget_idempotency_keys": "worker.purge_idempotency_keys",
}
_STATUSES = {"removing": "purging"}


def upgrade() -> None:
    _rename_jobs(_JOBS)
    _rename("files", "status", _STATUSES)


def downgrade() -> None:
    _rename_jobs({new: old for old, new in _JOBS.items()})
    _rename("files", "status", {new: old for old, new in _STATUSES.items()})


def _rename_jobs(names: dict[str, str]) -> None:
    # Delete finished jobs, since their dedupe keys could collide with those of jobs that already have the new name.
    # Only the schedule uses dedupe keys for these jobs, so the deletion causes at most one extra run of each in the
    # current interval.
    jobs = sa.table("jobs", sa.column("name", sa.Text), sa.column("status", sa.Text))
    op.execute(jobs.delete().where(jobs.c.name.in_([*names, *names.values()]), jobs.c.status == "done"))
    _rename("jobs", "name", names)


def _rename(table: str, column: str, names: dict[str, str]) -> None:
    target = sa.table(table, sa.column(column, sa.Text))
    for old, new in names.items():
        op.execute(target.update().where(target.c[column] == old).values({column: new}))
