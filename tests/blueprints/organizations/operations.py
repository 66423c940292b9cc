"""Operations on organizations."""

from typing import Any

from project.blueprints.organizations import service
from tests.kit.interleaving.operations import World, operation


@operation
def create_organization(world: World) -> Any:
    return service.create_organization(owner_id=world.owner_id, name="Difference Engines", slug=None)
