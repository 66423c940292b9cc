"""Operations on invitations."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from project.blueprints.invitations import service
from project.blueprints.invitations.models import Invitation
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from tests.kit.clients.api import PASSWORD, Api
from tests.kit.interleaving.determinism import later
from tests.kit.interleaving.operations import World, operation, prepared, record_use_of_token, send_with_key

_NEWCOMER = {"password": PASSWORD, "display_name": "Newcomer"}


@prepared
def newcomers_invitation_id(world: World) -> UUID:
    """The id of an invitation to someone who has no account."""
    return _long_lived_invitation(world, "newcomer@example.com")


@prepared
def colleague(world: World) -> tuple[Api, UUID]:
    """Another user and the id of the invitation to them. No other operation ends their session."""
    user = world.anonymous.as_new_user("colleague@example.com")
    record_use_of_token(user)
    return user, _long_lived_invitation(world, "colleague@example.com")


@prepared
def expired_invitation(world: World) -> None:
    """An invitation that `purge_invitations` finds."""
    _invitation_with(world, "late@example.com", status="expired", expires_at=now())


def _long_lived_invitation(world: World, email: str) -> UUID:
    """Create an invitation that `expire_invitations` does not find, and return its id."""
    return _invitation_with(world, email, expires_at=now() + timedelta(days=90))


def _invitation_with(world: World, email: str, **values: object) -> UUID:
    invitation_id = UUID(world.owner.invitation(str(world.organization_id), email)["id"])
    with world.app.app_context(), transaction() as connection:
        connection.execute(update(Invitation).where(Invitation.id == invitation_id).values(values))
    return invitation_id


def _token(invitation_id: UUID) -> str:
    return signing.issue("invitation", invitation_id, 1)


def _invite(world: World, email: str) -> Any:
    inviter = {"inviter_id": world.owner_id, "inviter_role": "owner"}
    return service.invite(world.organization_id, email=email, role="member", **inviter)


@operation
def create_invitation(world: World) -> Any:
    return _invite(world, "charles@example.com")


@operation
def invite_guest_again(world: World) -> Any:
    return _invite(world, "guest@example.com")


@operation
def invite_newcomer_again(world: World) -> Any:
    return _invite(world, "newcomer@example.com")


@operation
def create_invitation_with_key(world: World) -> Any:
    body = {"email": "charles@example.com", "role": "member"}
    return send_with_key(world.owner, f"/organizations/{world.organization_id}/invitations", body)


@operation
def accept_invitation(world: World) -> Any:
    return service.accept_invitation(_token(world.invitation_id), user_id=world.guest_id)


@operation
def accept_invitation_with_key(world: World) -> Any:
    user, invitation_id = colleague(world)
    # A session may end after the access token has been checked. Such a request is completed.
    return send_with_key(user, "/invitations/accept", {"token": _token(invitation_id)})


@operation
def register_invited(world: World) -> Any:
    return service.register_invited(_token(newcomers_invitation_id(world)), **_NEWCOMER)


@operation
def register_invited_with_key(world: World) -> Any:
    body = {"token": _token(newcomers_invitation_id(world)), **_NEWCOMER}
    return send_with_key(world.anonymous, "/invitations/register", body)


@operation
def send_invitation(world: World) -> Any:
    return service.send_invitation(world.invitation_id)


@operation
def mark_delivery_failed(world: World) -> Any:
    return service.mark_delivery_failed(world.invitation_id)


@operation(gives_way="skips locked rows, which the next run expires")
def expire_invitations(_world: World) -> Any:
    with later(days=60):
        return service.expire_invitations()


@operation
def purge_invitations(_world: World) -> Any:
    with later(days=40):
        return service.purge_invitations()
