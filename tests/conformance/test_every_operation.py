"""Runs every conformance check on every operation of the application. New routes are covered automatically."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from project.app import create_app
from project.config import Settings
from tests.conformance.check import Check
from tests.conformance.checks import CHECKS
from tests.conformance.contract import missing_recipes
from tests.conformance.operation import Operation, changed_operations, operations_of
from tests.conformance.world import World


@cache
def _operations() -> list[Operation]:
    with TemporaryDirectory() as folder:
        return operations_of(create_app(Settings(app_env="development", data_dir=Path(folder))))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test for each check and each operation to which it applies, unless its recipe is missing."""
    if "check" not in metafunc.fixturenames:
        return
    operations = _operations()
    missing = missing_recipes(operations)
    if metafunc.config.getoption("changed", default=False):
        operations = changed_operations(operations)
    metafunc.parametrize(
        ("check", "operation"),
        [
            pytest.param(check, operation, id=f"{check.name}-{operation.name}")
            for check in CHECKS
            for operation in operations
            if operation.name not in missing and check.applies(operation)
        ],
    )


def test_every_operation_can_be_called() -> None:
    missing = {*missing_recipes(_operations()).values()}
    assert not missing, "\n".join(sorted(missing))


def test_operation_passes_conformance_check(check: Check, operation: Operation, world: World) -> None:
    check(operation, world)
