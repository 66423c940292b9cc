"""Operations of administrators on users. The world has two administrators."""

from typing import Any
from uuid import UUID

from project.blueprints.auth import service
from tests.blueprints.jobs.operations import administrator
from tests.kit.clients.api import PASSWORD, Api
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.interleaving.operations import World, operation, prepared


@prepared
def other_administrator(world: World) -> Api:
    return create_administrator(world.app, world.anonymous)


def update(api: Api, **changes: str) -> Any:
    return service.update_access(UUID(api.user["id"]), actor_id=None, versions=None, **changes)


@operation
def update_user(world: World) -> Any:
    return service.update_access(
        world.guest_id, actor_id=UUID(administrator(world).user["id"]), versions={1}, role="admin"
    )


@operation
def disable_user(world: World) -> Any:
    return update(world.guest, status="disabled")


@operation
def enable_user(world: World) -> Any:
    return update(world.guest, status="active")


@operation
def demote_admin(world: World) -> Any:
    return update(administrator(world), role="user")


@operation
def disable_admin(world: World) -> Any:
    return update(administrator(world), status="disabled")


@operation
def demote_other_admin(world: World) -> Any:
    return update(other_administrator(world), role="user")


@operation
def create_admin(_world: World) -> Any:
    return service.create_admin(email="newcomer@example.com", password=PASSWORD, display_name="Newcomer")


@operation
def end_user_sessions(world: World) -> Any:
    return service.end_user_sessions(world.guest_id, actor_id=UUID(administrator(world).user["id"]))
