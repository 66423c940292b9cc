"""Operations on the audit trail."""

from typing import Any

from project.blueprints.audit import service
from tests.kit.interleaving.determinism import later
from tests.kit.interleaving.operations import World, operation


@operation
def purge_entries(_world: World) -> Any:
    with later(days=450):
        return service.purge_entries()
