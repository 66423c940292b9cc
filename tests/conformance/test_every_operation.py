"""Runs every conformance check on every operation of the application. New routes are covered automatically."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from project.app import create_app
from project.config import Settings
from tests.conformance.check import Check
from tests.conformance.checks import CHECKS
from tests.conformance.operation import Operation, changed_operations, operations_of
from tests.conformance.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test for each check and each operation to which it applies."""
    with TemporaryDirectory() as folder:
        operations = operations_of(create_app(Settings(app_env="development", data_dir=Path(folder))))
    if metafunc.config.getoption("changed", default=False):
        operations = changed_operations(operations)
    metafunc.parametrize(
        ("check", "operation"),
        [
            pytest.param(check, operation, id=f"{check.name}-{operation.name}")
            for check in CHECKS
            for operation in operations
            if check.applies(operation)
        ],
    )


def test_operation_passes_conformance_check(check: Check, operation: Operation, world: World) -> None:
    check(operation, world)
