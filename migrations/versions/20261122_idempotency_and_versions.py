"""add idempotency records and version columns"""

import sqlalchemy as sa
from alembic import op

revision = "5d0e9a4c7b12"
down_revision = "b6b92984af83"
branch_labels = None
depends_on = None

_NEWLY_VERSIONED = ("files", "organizations", "users")


def upgrade() -> None:
    op.create_table(
        "idempotency_records",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_idempotency_records")),
    )
    with op.batch_alter_table("idempotency_records", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_records_expires_at"), ["expires_at"], unique=False)
    for table in _NEWLY_VERSIONED:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    # Before this migration, `invitations.version` was the version of the token.
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("token_version", sa.Integer(), server_default="1", nullable=False))
        batch_op.alter_column("version", existing_type=sa.Integer(), server_default="1")
    op.execute("UPDATE invitations SET token_version = version")


def downgrade() -> None:
    op.execute("UPDATE invitations SET version = token_version")
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.alter_column("version", existing_type=sa.Integer(), server_default=None)
        batch_op.drop_column("token_version")
    for table in _NEWLY_VERSIONED:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("version")
    op.drop_table("idempotency_records")
