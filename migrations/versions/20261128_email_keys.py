"""compare email domains by their A-labels"""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import idna
import sqlalchemy as sa
from alembic import op

revision = "e27d50c4a918"
down_revision = "b51f08e4a9c2"
branch_labels = None
depends_on = None

_USERS = sa.table(
    "users",
    sa.column("id", sa.Uuid),
    sa.column("email", sa.Text),
    sa.column("email_key", sa.Text),
    sa.column("pending_email", sa.Text),
    sa.column("pending_email_key", sa.Text),
)
_INVITATIONS = sa.table(
    "invitations",
    sa.column("id", sa.Uuid),
    sa.column("organization_id", sa.Uuid),
    sa.column("email", sa.Text),
    sa.column("email_key", sa.Text),
    sa.column("status", sa.Text),
    sa.column("expires_at", sa.DateTime(timezone=True)),
    sa.column("version", sa.Integer),
)


def upgrade() -> None:
    _rewrite_keys(_key)


def downgrade() -> None:
    _rewrite_keys(_earlier_key)


def _key(email: str) -> str:
    local_part, _, domain = email.rpartition("@")
    lowercase = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local_part).lower())
    try:
        return f"{lowercase}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return f"{lowercase}@{domain.lower()}"


def _earlier_key(email: str) -> str:
    return unicodedata.normalize("NFC", email).lower()


def _rewrite_keys(key: Callable[[str], str]) -> None:
    """Replace the keys in one transaction. Only those of internationalized addresses change, so it is short."""
    collisions = [f"{first} and {second}" for first, second in _rewrite_users(key)]
    if collisions:
        # Rolls the transaction back. Flask-Migrate prints a RuntimeError as one line, without a traceback.
        raise RuntimeError(
            "these accounts have the same email address, so change the address of one account of each pair, and then "
            f"upgrade again: {', '.join(collisions)}"
        )
    for user_id, changed in _changed(_USERS.c.id, _USERS.c.pending_email, _USERS.c.pending_email_key, key):
        op.execute(_USERS.update().where(_USERS.c.id == user_id).values(pending_email_key=changed))
    for invitation_id, changed in _changed(_INVITATIONS.c.id, _INVITATIONS.c.email, _INVITATIONS.c.email_key, key):
        _expire_all_but_last(invitation_id, changed)
        op.execute(_INVITATIONS.update().where(_INVITATIONS.c.id == invitation_id).values(email_key=changed))


def _rewrite_users(key: Callable[[str], str]) -> Iterator[tuple[UUID, UUID]]:
    """Replace the keys of users. Yields the ids of each pair that would have the same key."""
    for user_id, changed in _changed(_USERS.c.id, _USERS.c.email, _USERS.c.email_key, key):
        other = op.get_bind().scalar(sa.select(_USERS.c.id).where(_USERS.c.email_key == changed))
        if other:
            yield other, user_id
        else:
            op.execute(_USERS.update().where(_USERS.c.id == user_id).values(email_key=changed))


def _expire_all_but_last(invitation_id: UUID, key: str) -> None:
    """Let an organization keep only one of its pending invitations to an address: the one that expires last."""
    invitations = _INVITATIONS.c
    invited = sa.select(invitations.organization_id).where(invitations.id == invitation_id).scalar_subquery()
    same_address = sa.or_(invitations.id == invitation_id, invitations.email_key == key)
    pending = sa.and_(invitations.organization_id == invited, same_address, invitations.status == "pending")
    last = sa.select(invitations.id).where(pending).order_by(invitations.expires_at.desc(), invitations.id.desc())
    earlier = _INVITATIONS.update().where(pending, invitations.id != last.limit(1).scalar_subquery())
    op.execute(earlier.values(status="expired", version=invitations.version + 1))


def _changed(identifier: Any, email: Any, earlier: Any, key: Callable[[str], str]) -> list[tuple[UUID, str]]:
    """Return the ids of the rows whose key changes, with their new keys."""
    # `yield_per` avoids loading the whole table.
    rows = sa.select(identifier, email, earlier).where(email.is_not(None)).execution_options(yield_per=1000)
    return [(row[0], changed) for row in op.get_bind().execute(rows) if (changed := key(row[1])) != row[2]]
