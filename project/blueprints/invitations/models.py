"""The `invitations` table and the row type that queries return. Tokens are derived from rows and never stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from project.infrastructure.database.models import Base, Versioned

# Copied from the organizations blueprint, because models must not import modules of another blueprint.
Role = Literal["member", "admin", "owner"]
Status = Literal["pending", "accepted", "expired"]
Delivery = Literal["queued", "sent", "failed"]


class Invitation(Versioned, Base):
    """An invitation. Its status is `pending`, then `accepted` or `expired`.

    An email address has at most one pending invitation per organization. `status` may lag behind `expires_at`: see
    `policy.effective_status`.
    """

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


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation as read from the database."""

    id: UUID
    organization_id: UUID
    email: str
    email_key: str
    role: Role
    status: Status
    token_version: int
    issued_at: datetime
    expires_at: datetime
    invited_by_id: UUID
    delivery: Delivery
    created_at: datetime
    updated_at: datetime
    version: int
