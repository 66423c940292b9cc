"""The contract of the invitations blueprint."""

from dataclasses import replace
from uuid import uuid4

from tests.conformance.contract import ADMINS, EVERYONE, LOGGED_IN, Contract
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import PASSWORD


def look_up(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous, body={"token": world.invitation_token(f"{uuid4()}@example.com")})


def accept(world: World, _operation: Operation) -> Case:
    guest = world.anonymous.as_new_user()
    return Case(guest, body={"token": world.invitation_token(guest.user["email"])})


def register_invited(world: World, operation: Operation) -> Case:
    case = look_up(world, operation)
    return replace(case, body={**(case.body or {}), "password": PASSWORD, "display_name": "Guest"})


contract = Contract(
    access={
        "GET /api/v1/organizations/{organization_id}/invitations": ADMINS,
        "POST /api/v1/organizations/{organization_id}/invitations": ADMINS,
        "GET /api/v1/organizations/{organization_id}/invitations/{invitation_id}": ADMINS,
        "POST /api/v1/invitations/accept": LOGGED_IN,
        "POST /api/v1/invitations/lookup": EVERYONE,
        "POST /api/v1/invitations/register": EVERYONE,
    },
    recipes={"look_up_invitation": look_up, "accept_invitation": accept, "register_invited": register_invited},
)
