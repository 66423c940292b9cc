"""The contract of a blueprint: what its tests declare about its routes, in `tests/blueprints/<name>/contract.py`."""

from collections.abc import Callable, Mapping, Sequence
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

# The attribute of `World` that holds the client of each role. `user` owns another organization.
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
class Listing:
    """A listing with filters whose query cost is measured. `user` is `caller`, `member` or `administrator`.

    `rows` is the SQL after `FROM` that selects the listed rows. It may refer to the ids `:caller`, `:member` and
    `:organization`, and the values of `filters` to `{caller}`, `{member}` and `{organization}`. The query may read
    `extra_rows` that it does not list, and may sort the rows if `may_sort` is set. If the filters
    select a single row, set `has_one_row`.
    """

    operation: str
    rows: str
    filters: Mapping[str, str] = field(default_factory=dict)
    user: str = "caller"
    extra_rows: int = 0
    may_sort: bool = False
    has_one_row: bool = False

    def __str__(self) -> str:
        return "-".join([self.operation, *(["own"] if self.user == "member" else []), *self.filters.values()])


@dataclass(frozen=True)
class Contract:
    """What the tests cannot derive from a blueprint's routes.

    - `access`: the outcomes of each route, such as `"GET /api/v1/notes": LOGGED_IN`.
    - `variants`: the outcomes of some routes for resources that a different recipe creates.
    - `recipes`: for operations whose requests cannot be generated from the document, how to build one that succeeds.
    - `listings`: each listing with each of its filters.
    - `unaudited`: the operations that change something and leave no audit entry, with reasons. `None` exempts all.
    - `bulk_rows`: SQL statements that fill the listings; see `tests/kit/fixtures/bulk_rows.py`.
    """

    access: Mapping[str, Outcomes]
    variants: Mapping[Recipe, Mapping[str, Outcomes]] = field(default_factory=dict)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    listings: Sequence[Listing] = ()
    bulk_rows: Sequence[str] = ()
    unaudited: Mapping[str, str] | None = None


@cache
def contracts() -> dict[str, Contract]:
    """Return the contracts of all blueprints, by blueprint name."""
    names = sorted(file.parent.name for file in _BLUEPRINTS.glob("*/contract.py"))
    return {name: import_module(f"tests.blueprints.{name}.contract").contract for name in names}


@cache
def recipes() -> dict[str, Recipe]:
    """Return the recipes of all blueprints, by operation name."""
    return {operation: recipe for each in contracts().values() for operation, recipe in each.recipes.items()}


def missing_recipes(operations: Sequence[Operation]) -> dict[str, str]:
    """Return what to add for each operation that neither a recipe nor `plain()` can build, by operation name."""
    found = {operation.name: _missing_recipe(operation, operations) for operation in operations}
    return {name: message for name, message in found.items() if message}


def _missing_recipe(operation: Operation, operations: Sequence[Operation]) -> str | None:
    if operation.name in recipes():
        return None
    for name in operation.id_names:
        create = creator(operation, name, operations)
        if create is None:
            return f"{operation}: no POST creates a {name}: add a recipe to {operation.contract_file}"
        if message := _missing_recipe(create, operations):
            return message
    return None


def creator(operation: Operation, name: str, operations: Sequence[Operation]) -> Operation | None:
    """Return the operation that creates the resource that the path variable `name` identifies, or `None`."""
    collection, variable, _below = operation.path.partition(f"/{{{name}}}")
    item = collection + variable
    posts = [each for each in operations if each.method == "POST" and not each.path.startswith(item)]
    return next(
        (each for each in posts if each.path == collection),
        next((each for each in posts if each.created_path == item), None),
    )
