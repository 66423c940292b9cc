"""Operations of administrators on jobs."""

from typing import Any
from uuid import UUID

from project.blueprints.jobs import service
from tests.kit.clients.api import Api
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.fixtures.jobs import dead_job
from tests.kit.interleaving.operations import World, operation, prepared, record_use_of_token, send_with_key


@prepared
def administrator(world: World) -> Api:
    found = create_administrator(world.app, world.anonymous)
    record_use_of_token(found)
    return found


@prepared
def dead_job_id(world: World) -> UUID:
    with world.app.app_context():
        return dead_job()


@operation
def retry_job(world: World) -> Any:
    return service.retry_job(dead_job_id(world))


@operation
def retry_job_with_key(world: World) -> Any:
    return send_with_key(administrator(world), f"/jobs/{dead_job_id(world)}/retry")


@operation
def purge_job(world: World) -> Any:
    return service.delete_job(dead_job_id(world))
