"""Listing and purging audit entries. Only `infrastructure.audit` accesses the table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from project.blueprints.auth import service as auth
from project.config import current_settings
from project.infrastructure import audit
from project.infrastructure.clock import now
from project.infrastructure.database.pagination import Page, PageRequest


@dataclass(frozen=True, slots=True)
class Actor:
    """A user who acted. `display_name` is `None` if the account no longer exists."""

    id: UUID
    display_name: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """What an action changed, such as a `user`. It may no longer exist."""

    type: str
    id: UUID


@dataclass(frozen=True, slots=True)
class EntryView:
    """An audit entry with the present display name of its actor."""

    id: UUID
    at: datetime
    actor: Actor | None
    action: str
    target: Target | None
    organization_id: UUID | None
    ip_address: str | None
    request_id: str | None
    outcome: audit.Outcome


def list_entries(
    page: PageRequest, *, actor_id: UUID | None, organization_id: UUID | None, action: str | None
) -> Page[EntryView]:
    """Return a page of the entries with this actor, organization and action. `None` selects all."""
    entries = audit.list_entries(page, actor_id=actor_id, organization_id=organization_id, action=action)
    users = auth.get_users_by_id(entry.actor_id for entry in entries.items if entry.actor_id)
    return entries.map(lambda entry: _view(entry, users))


def purge_entries() -> None:
    """Delete the entries that were written AUDIT_RETENTION_SECONDS ago."""
    audit.purge_entries(before=now() - timedelta(seconds=current_settings().audit_retention_seconds))


def _view(entry: audit.EntryRow, users: dict[UUID, auth.UserRow]) -> EntryView:
    return EntryView(
        id=entry.id,
        at=entry.at,
        actor=_actor(entry.actor_id, users) if entry.actor_id else None,
        action=entry.action,
        target=Target(entry.target_type, entry.target_id) if entry.target_type and entry.target_id else None,
        organization_id=entry.organization_id,
        ip_address=entry.ip_address,
        request_id=entry.request_id,
        outcome=entry.outcome,
    )


def _actor(actor_id: UUID, users: dict[UUID, auth.UserRow]) -> Actor:
    return Actor(actor_id, users[actor_id].display_name if actor_id in users else None)
