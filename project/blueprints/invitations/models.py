"""Invitations. The token of one is derived from its id and version, and never stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from project.infrastructure.database.models import Base, Timestamped, Versioned


class Invitation(Timestamped, Versioned, Base):
    """`pending` until it is `accepted` or has `expired`; at most one pending for an address."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "uq_invitations_pending",
            "organization_id",
            "email_key",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(None, "organization_id", "id"),
        Index(None, "organization_id", "status", "id"),
        Index(
            "ix_invitations_pending",
            "expires_at",
            "organization_id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("organizations.id", ondelete="CASCADE"))
    email: Mapped[str]
    email_key: Mapped[str]
    role: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending")
    token_version: Mapped[int] = mapped_column(default=1, server_default="1")
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    invited_by_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    delivery: Mapped[str] = mapped_column(default="queued")
