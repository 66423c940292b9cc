"""Operations on organizations."""

from typing import Any

from sqlalchemy import update

from project.blueprints.organizations import service
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.idempotency_records import IdempotencyRecord
from tests.kit.interleaving.operations import World, operation, prepared, send_with_key

_ORGANIZATION = {"name": "Difference Engines"}


@prepared
def expired_key(world: World) -> str:
    """An idempotency key that was used, and has expired."""
    key = "an-expired-key"
    with world.app.app_context():
        send_with_key(world.owner, "/organizations", {"name": "Looms"}, key=key)
    with world.app.app_context(), transaction() as connection:
        connection.execute(update(IdempotencyRecord).values(expires_at=now()))
    return key


@operation
def create_organization(world: World) -> Any:
    return service.create_organization(owner_id=world.owner_id, slug=None, **_ORGANIZATION)


@operation
def create_organization_with_key(world: World) -> Any:
    return send_with_key(world.owner, "/organizations", _ORGANIZATION)


@operation
def create_organization_with_expired_key(world: World) -> Any:
    return send_with_key(world.owner, "/organizations", _ORGANIZATION, key=expired_key(world))
