"""Operations that delete accounts."""

from typing import Any
from uuid import UUID

from project.blueprints.account_deletion import service
from project.blueprints.auth import service as auth
from project.blueprints.organizations import service as organizations
from tests.kit.clients.api import PASSWORD, Api
from tests.kit.interleaving.operations import World, operation, prepared, record_use_of_token


@prepared
def partner(world: World) -> Api:
    """A user who owns an organization together with the guest."""
    partner = world.anonymous.as_new_user("partner@example.com")
    record_use_of_token(partner)
    with world.app.app_context():
        shared = organizations.create_organization(owner_id=world.guest_id, name="Shared", slug=None)
        organizations.add_member(shared.id, auth.get_user(UUID(partner.user["id"])), "owner")
    return partner


@operation
def delete_account(world: World) -> Any:
    return service.delete_account(world.guest_id, password=PASSWORD)


@operation
def delete_account_of_partner(world: World) -> Any:
    return service.delete_account(UUID(partner(world).user["id"]), password=PASSWORD)


@operation
def trash_files(world: World) -> Any:
    return service.trash_files(world.owner_id)
