"""Removing a platform hook makes a conformance check fail for every route that the hook serves."""

import pytest

from tests.conformance.checks import CHECKS
from tests.conformance.hooks import HOOKS, registered
from tests.conformance.operation import Operation
from tests.conformance.world import World

_CHECKS_BY_NAME = {check.name: check for check in CHECKS}


@pytest.mark.parametrize("name", HOOKS)
def test_removing_a_hook_makes_a_check_fail_for_every_route_it_serves(
    name: str, world_with_faults: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, hook = world_with_faults, HOOKS[name]
    served = [operation for operation in world.operations if hook.serves(operation) and _is_sound(operation)]
    assert served
    hook.remove(world.app, monkeypatch)
    unnoticed = [
        str(operation)
        for operation in served
        if not any(_CHECKS_BY_NAME[check].fails(operation, world) for check in hook.checks)
    ]
    assert unnoticed == []


def test_every_registered_hook_has_a_removal_test(world_with_faults: World) -> None:
    assert set(registered(world_with_faults.app)) <= set(HOOKS), "add the new hook to tests/conformance/hooks.py"


def _is_sound(operation: Operation) -> bool:
    return "seeded" not in operation.path or operation.name == "get_deprecated"
