"""add the emailed tokens and the pending email addresses of users"""

import sqlalchemy as sa
from alembic import op

revision = "b35f0e6c92d4"
down_revision = "4c8a1f7e2d60"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("pending_email", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("pending_email_key", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("email_token_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("users", sa.Column("email_token_issued_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("reset_token_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("users", sa.Column("reset_token_issued_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("reset_token_issued_at", "reset_token_version", "email_token_issued_at", "email_token_version"):
        op.drop_column("users", name)
    op.drop_column("users", "pending_email_key")
    op.drop_column("users", "pending_email")
