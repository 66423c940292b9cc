"""The operations whose orders are tested. Blueprints register theirs in `tests/blueprints/<name>/operations.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.kit.clients.api import Api

_BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
_operations: dict[str, Callable[["World"], Any]] = {}


@dataclass(frozen=True)
class World:
    """What the operations work on: an organization, its owner, and a guest who is invited to it."""

    owner: Api
    guest: Api
    organization_id: UUID
    invitation_id: UUID

    @property
    def owner_id(self) -> UUID:
        """The id of the owner."""
        return UUID(self.owner.user["id"])

    @property
    def guest_id(self) -> UUID:
        """The id of the guest."""
        return UUID(self.guest.user["id"])


def operation(call: Callable[[World], Any]) -> Callable[[World], Any]:
    """Register an operation. It calls one service function, and returns what matters of the result."""
    _operations[call.__name__] = call
    return call


@cache
def operations() -> dict[str, Callable[[World], Any]]:
    """Return the operations of all blueprints, by name."""
    for file in sorted(_BLUEPRINTS.glob("*/operations.py")):
        import_module(f"tests.blueprints.{file.parent.name}.operations")
    return dict(_operations)


def create_world(api: Api) -> World:
    """Create what the operations work on."""
    owner, guest = api.as_new_user("owner@example.com"), api.as_new_user("guest@example.com")
    organization_id = owner.organization()["id"]
    invitation = owner.invitation(organization_id, "guest@example.com")
    return World(owner, guest, UUID(organization_id), UUID(invitation["id"]))
