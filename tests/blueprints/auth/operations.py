"""Operations on accounts and sessions."""

from typing import Any
from uuid import UUID

from project.blueprints.auth import service
from project.blueprints.auth.service import Client
from tests.kit.clients.api import PASSWORD
from tests.kit.interleaving.operations import World, operation, send_with_key


@operation
def register(_world: World) -> Any:
    return service.register(email="newcomer@example.com", password=PASSWORD, display_name="Newcomer").email


@operation
def register_with_key(world: World) -> Any:
    body = {"email": "newcomer@example.com", "password": PASSWORD, "display_name": "Newcomer"}
    return send_with_key(world.anonymous, "/auth/register", body)


@operation
def log_in(_world: World) -> Any:
    client = Client(user_agent="", ip_address="127.0.0.1")
    return service.log_in(email="guest@example.com", password=PASSWORD, client=client)


@operation
def refresh(world: World) -> Any:
    return service.refresh(world.guest.tokens["refresh_token"])


@operation
def log_out(world: World) -> Any:
    return service.log_out(UUID(world.guest.tokens["session_id"]))


@operation
def update_me(world: World) -> Any:
    return service.update_profile(world.guest_id, versions={1}, display_name="Guest")
