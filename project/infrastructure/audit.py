"""The audit trail: who did what to what, when and from where. An entry is written in the transaction of its action.

Entries contain ids only, no email addresses, names or tokens, and are never changed. They refer to other tables without
foreign keys, because they are kept when a user or a resource is deleted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from flask import has_request_context, request
from sqlalchemy import Index, Table, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from project.infrastructure import logging
from project.infrastructure.clock import now
from project.infrastructure.database import columns_of, current_connection, in_batches, lock_batch
from project.infrastructure.database.models import Base, new_id
from project.infrastructure.database.pagination import Page, PageRequest, select_page

Outcome = Literal["success", "denied"]

_BATCH = 1000


class AuditEntry(Base):
    """An action, or a denied attempt. `actor_id` is null if the caller was not authenticated, and for operators."""

    __tablename__ = "audit_entries"
    # No index combines filters: each would slow down every login. See list_entries().
    __table_args__ = (Index(None, "actor_id", "id"), Index(None, "organization_id", "id"), Index(None, "action", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    target_type: Mapped[str | None]
    target_id: Mapped[UUID | None]
    organization_id: Mapped[UUID | None]
    ip_address: Mapped[str | None]
    request_id: Mapped[str | None]
    outcome: Mapped[str]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry as read from the database."""

    id: UUID
    at: datetime
    actor_id: UUID | None
    action: str
    target_type: str | None
    target_id: UUID | None
    organization_id: UUID | None
    ip_address: str | None
    request_id: str | None
    outcome: Outcome


_INSERT = insert(cast(Table, AuditEntry.__table__))
_ENTRIES = select(*columns_of(EntryRow, AuditEntry))


def record(
    action: str,
    *,
    actor_id: UUID | None,
    target: tuple[str, UUID] | None = None,
    organization_id: UUID | None = None,
    outcome: Outcome = "success",
) -> None:
    """Insert an entry. It is committed together with the action.

    `action` is `<blueprint>.<verb>` and must be listed in docs/administration.md. `target` is the type and the id of
    what the action changed. The client IP and the request id are those of the current request. Jobs have only a request
    id, commands neither.
    """
    type_, id_ = target or (None, None)
    values = {
        "id": new_id(),
        "at": now(),
        "actor_id": actor_id,
        "action": action,
        "target_type": type_,
        "target_id": id_,
        "organization_id": organization_id,
        "ip_address": request.remote_addr if has_request_context() else None,
        "request_id": logging.context().get("request_id"),
        "outcome": outcome,
    }
    current_connection().execute(_INSERT, values)


def list_entries(
    page: PageRequest, *, actor_id: UUID | None, organization_id: UUID | None, action: str | None
) -> Page[EntryRow]:
    """Return a page of the entries with this actor, organization and action. `None` selects all.

    With several filters, it may read all entries of the organization, or else of the actor, to fill the page.
    """
    filters: list[tuple[Any, Any]] = [
        (AuditEntry.organization_id, organization_id),
        (AuditEntry.actor_id, actor_id),
        (AuditEntry.action, action),
    ]
    given = [(column, value) for column, value in filters if value is not None]
    # PostgreSQL has no index for IS NOT DISTINCT FROM, so it uses that of the first filter, which selects the fewest.
    matching = _ENTRIES.where(*(column.is_not_distinct_from(value) for column, value in given[1:]))
    return select_page(matching, AuditEntry.id, page, dict(given[:1]), EntryRow)


def purge_entries(*, before: datetime) -> None:
    """Delete the entries that were written before this time, one batch per transaction."""
    # The ids begin with the time, so this reads only entries that are old enough.
    old = select(AuditEntry.id).where(AuditEntry.id < _first_id_at(before)).order_by(AuditEntry.id)

    def purge(limit: int) -> int:
        statement = delete(AuditEntry).where(AuditEntry.id.in_(lock_batch(old.limit(limit))))
        return len(current_connection().execute(statement.returning(AuditEntry.id)).all())

    in_batches(purge, _BATCH)


def _first_id_at(at: datetime) -> UUID:
    """Return the lowest UUIDv7 of this millisecond (RFC 9562, section 5.7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
