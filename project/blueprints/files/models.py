"""Files: a row for each, its bytes in the store under `storage_key`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from project.infrastructure.columns import Base, Timestamped, Versioned


class File(Timestamped, Versioned, Base):
    """`pending` while its bytes arrive, then `stored`, `trashed`, and `removing` while its bytes go."""

    __tablename__ = "files"
    __table_args__ = (
        Index(None, "owner_id", "status", "id"),
        Index(None, "organization_id", "status", "id"),
        Index(None, "status", "updated_at"),
    )

    owner_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    organization_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("organizations.id", ondelete="CASCADE"))
    storage_key: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default="pending")
    filename: Mapped[str] = mapped_column(default="")
    content_type: Mapped[str] = mapped_column(default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(default="")
    thumbnails: Mapped[str] = mapped_column(default="unsupported")
    trashed_at: Mapped[datetime | None]
