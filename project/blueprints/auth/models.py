"""The `users`, `sessions` and `admin_count` tables, and the row types that queries return."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from project.infrastructure.clock import now
from project.infrastructure.database.models import Base, Timestamped, Versioned

UserRole = Literal["user", "admin"]
UserStatus = Literal["active", "disabled", "deleted"]

_NOT_ENDED = text("ended_at IS NULL")


class User(Versioned, Base):
    """An account. `email` is stored as entered; `email_key` is its unique, normalized form.

    `password_version` counts the passwords. An upgrade of the hash does not change it. `pending_email` becomes the
    address as soon as its owner confirms it. Only the latest version of an emailed token is valid. The row of a deleted
    account is kept without personal data, because other rows refer to it.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index(None, "role", "id"),
        Index(None, "status", "id"),
        Index(None, "role", "status", "id"),
    )

    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    email_verified: Mapped[bool] = mapped_column(default=False)
    display_name: Mapped[str]
    password_hash: Mapped[str]
    password_version: Mapped[int] = mapped_column(default=1, server_default="1")
    pending_email: Mapped[str | None]
    pending_email_key: Mapped[str | None]
    email_token_version: Mapped[int] = mapped_column(default=0, server_default="0")
    email_token_issued_at: Mapped[datetime | None]
    reset_token_version: Mapped[int] = mapped_column(default=0, server_default="0")
    reset_token_issued_at: Mapped[datetime | None]
    first_login_at: Mapped[datetime | None]
    role: Mapped[str] = mapped_column(default="user")
    status: Mapped[str] = mapped_column(default="active")


class Session(Timestamped, Base):
    """One login. Its current refresh token is derived from `id` and `generation`, and is never stored.

    `used_generation` is the newest generation whose access token has been used.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "user_id"),
        Index("ix_sessions_not_ended", "user_id", "id", sqlite_where=_NOT_ENDED, postgresql_where=_NOT_ENDED),
    )

    user_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    generation: Mapped[int] = mapped_column(default=1)
    used_generation: Mapped[int] = mapped_column(default=0, server_default="0")
    rotated_at: Mapped[datetime]
    authenticated_at: Mapped[datetime] = mapped_column(default=now)
    methods: Mapped[list[str]]
    idle_until: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str]
    ip_address: Mapped[str]


class AdminCount(Base):
    """The number of active admins, in the only row of this table.

    A condition on several rows, such as `count(*) > 1`, would not hold under concurrency; one on a single row does.
    """

    __tablename__ = "admin_count"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    active_admins: Mapped[int]


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """An account, as its user sees it."""

    id: UUID
    email: str
    email_verified: bool
    display_name: str
    role: UserRole
    status: UserStatus
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class UserRow(ProfileRow):
    """A user as read from the database."""

    email_key: str
    password_hash: str = field(repr=False)
    password_version: int
    pending_email: str | None
    email_token_version: int
    email_token_issued_at: datetime | None
    reset_token_version: int
    reset_token_issued_at: datetime | None
    first_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """The columns of a session that a token refresh needs."""

    id: UUID
    user_id: UUID
    generation: int
    used_generation: int
    rotated_at: datetime
    idle_until: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OwnSessionRow:
    """The columns of a session that its user sees."""

    id: UUID
    created_at: datetime
    rotated_at: datetime
    idle_until: datetime
    expires_at: datetime
    user_agent: str
    ip_address: str


@dataclass(frozen=True, slots=True)
class PrincipalRow:
    """The caller of a request: a live session and its active user."""

    session_id: UUID
    used_generation: int
    user: ProfileRow

    @property
    def user_id(self) -> UUID:
        return self.user.id

    @property
    def role(self) -> UserRole:
        return self.user.role
