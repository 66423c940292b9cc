"""Access control: the outcome of every API route for every role, as declared by the contracts of the blueprints."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import Flask

from project.infrastructure.database import db
from tests.conformance.contract import OPEN, ROLES, Outcomes, Recipe, contracts
from tests.conformance.operation import operations_of
from tests.conformance.world import Case, World


@dataclass(frozen=True)
class Row:
    """The expected outcomes of a route, for resources created by `recipe` or, by default, by `World.case`."""

    route: str
    outcomes: Outcomes
    recipe: Recipe | None = None

    def __str__(self) -> str:
        return f"{self.route} {self.recipe.__name__}" if self.recipe else self.route


ROWS = [
    Row(route, outcomes, recipe)
    for contract in contracts().values()
    for recipe, rows in [(None, contract.access), *contract.variants.items()]
    for route, outcomes in rows.items()
]


class Matrix:
    """A World with a request for each row. Every call starts from the same database state."""

    def __init__(self, app: Flask) -> None:
        self._world = World(app)
        self._operations = {str(operation): operation for operation in self._world.operations}
        self._cases = {str(row): self._case(row) for row in ROWS if row.route in self._operations}
        shutil.copy(_database(app), _saved(app))

    def outcome(self, row: Row, role: str) -> int | str:
        """Restore the database, call the route as `role`, and return 401, 403, 404 or OPEN."""
        if str(row) not in self._cases:
            pytest.fail("the route does not exist, or test_every_operation.py reports a missing recipe", pytrace=False)
        shutil.copy(_saved(self._world.app), _database(self._world.app))
        actor = getattr(self._world, ROLES[role])
        response = self._world.send(self._operations[row.route], replace(self._cases[str(row)], actor=actor))
        assert response.status_code < 500, response.get_data(as_text=True)
        return response.status_code if response.status_code in (401, 403, 404) else OPEN

    def _case(self, row: Row) -> Case:
        """Return a request for the row's resource. A route without path parameters is called without a body."""
        operation = self._operations[row.route]
        case = row.recipe(self._world, operation) if row.recipe else self._world.case(operation)
        return case if operation.path_names else Case(case.actor)


@pytest.fixture(scope="module")
def matrix(shared_app: Flask) -> Matrix:
    return Matrix(shared_app)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_route_allows_exactly_the_expected_roles(row: Row, role: str, matrix: Matrix) -> None:
    assert matrix.outcome(row, role) == row.outcomes[[*ROLES].index(role)]


def test_every_route_is_in_the_contract_of_its_blueprint(shared_app: Flask) -> None:
    operations = operations_of(shared_app)
    missing = [
        f'add "{operation}": LOGGED_IN, or other outcomes, to Contract(access={{...}}) in {operation.contract_file}'
        for operation in operations
        if str(operation) not in {row.route for row in ROWS}
    ]
    assert missing == []
    assert {row.route for row in ROWS} - {str(operation) for operation in operations} == set(), "rows without a route"


def _saved(app: Flask) -> Path:
    return _database(app).with_name("saved.db")


def _database(app: Flask) -> Path:
    """Close all connections, which merges the WAL into the database file, and return the path of the file."""
    with app.app_context():
        db.engine.dispose()
    return Path(app.extensions["settings"].data_dir) / "app.db"
