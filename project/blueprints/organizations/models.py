"""The `organizations` and `memberships` tables, and the row types that queries return."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from project.infrastructure.database.models import Base, Timestamped, Versioned

Role = Literal["member", "admin", "owner"]


class Organization(Versioned, Base):
    """A group of users who share files."""

    __tablename__ = "organizations"

    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)


class Membership(Timestamped, Base):
    """A user's membership in an organization, with a role."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("user_id", "organization_id"),
        Index(None, "organization_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("organizations.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[str]


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """An organization with the caller's role in it."""

    id: UUID
    name: str
    slug: str
    role: Role
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """A membership as read from the database."""

    id: UUID
    user_id: UUID
    role: Role
    created_at: datetime
