"""Operations on invitations."""

from typing import Any

from project.blueprints.invitations import service
from project.infrastructure import signing
from tests.kit.interleaving.operations import World, operation


def _token(world: World) -> str:
    return signing.issue("invitation", world.invitation_id, 1)


@operation
def accept(world: World) -> Any:
    return service.accept_invitation(_token(world), user_id=world.guest_id)


@operation
def invite(world: World) -> Any:
    return service.invite(
        world.organization_id,
        inviter_id=world.owner_id,
        inviter_role="owner",
        email="guest@example.com",
        role="member",
    )


@operation
def mark_delivery_failed(world: World) -> Any:
    return service.mark_delivery_failed(world.invitation_id)


@operation
def expire_invitations(_world: World) -> Any:
    return service.expire_invitations()
