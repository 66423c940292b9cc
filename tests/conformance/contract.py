"""The contract of a blueprint: what its tests declare about its routes, in `tests/blueprints/<name>/contract.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.operation import Operation

if TYPE_CHECKING:
    from tests.conformance.world import Case, World

Recipe = Callable[["World", Operation], "Case"]
Outcomes = tuple[int | str, ...]

# For each role, the attribute of a World that is its client. `user` belongs to no organization.
ROLES = {
    "anonymous": "anonymous",
    "user": "other_user",
    "member": "member",
    "admin": "admin",
    "owner": "owner",
    "platform admin": "administrator",
}
OPEN = "open"
# Outcomes in the order of ROLES: 401, 403, 404 or OPEN. `owner` owns the organization and creates the resources.
EVERYONE: Outcomes = (OPEN,) * 6
LOGGED_IN: Outcomes = (401, OPEN, OPEN, OPEN, OPEN, OPEN)
MEMBERS: Outcomes = (401, 404, OPEN, OPEN, OPEN, 404)
ADMINS: Outcomes = (401, 404, 403, OPEN, OPEN, 404)
OWNERS: Outcomes = (401, 404, 404, 404, OPEN, 404)
ADMINISTRATORS: Outcomes = (401, 403, 403, 403, 403, OPEN)

_BLUEPRINTS = Path(__file__).parents[1] / "blueprints"


@dataclass(frozen=True)
class Contract:
    """What the tests cannot derive from a blueprint's routes.

    - `access`: the outcomes of each route, such as `"GET /api/v1/notes": LOGGED_IN`.
    - `variants`: the outcomes of some routes for resources that another recipe creates.
    - `recipes`: for operations whose requests cannot be generated from the document, how to build one that succeeds.
    """

    access: Mapping[str, Outcomes]
    variants: Mapping[Recipe, Mapping[str, Outcomes]] = field(default_factory=dict)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)


@cache
def contracts() -> dict[str, Contract]:
    """Return the contracts of all blueprints, by blueprint."""
    names = sorted(file.parent.name for file in _BLUEPRINTS.glob("*/contract.py"))
    return {name: import_module(f"tests.blueprints.{name}.contract").contract for name in names}


@cache
def recipes() -> dict[str, Recipe]:
    """Return the recipes of all blueprints, by operation."""
    return {operation: recipe for each in contracts().values() for operation, recipe in each.recipes.items()}
