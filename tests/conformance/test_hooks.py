"""The conformance suite notices when a part of the platform is gone: for every route that the part serves."""

from collections.abc import Callable

import pytest

from project.app import BLUEPRINTS
from tests.conformance import seeded_faults
from tests.conformance.checks import CHECKS
from tests.conformance.hooks import HOOKS, registered
from tests.conformance.operation import Operation
from tests.conformance.world import World

_KNOWN = {check.name: check for check in CHECKS}


@pytest.fixture
def whole(settle: Callable[[], World], monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with a route of every kind, a deprecated one too."""
    monkeypatch.setattr("project.app.BLUEPRINTS", (*BLUEPRINTS, seeded_faults.blueprint))
    return settle()


@pytest.mark.parametrize("name", HOOKS)
def test_hook_that_is_taken_out_is_missed_by_every_route_it_serves(
    name: str, whole: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = HOOKS[name]
    served = [one for one in whole.operations if hook.serves(one) and _is_sound(one)]
    assert served
    hook.remove(whole.app, monkeypatch)
    assert [str(one) for one in served if not any(_KNOWN[check].fails(one, whole) for check in hook.checks)] == []


def test_every_hook_is_known(whole: World) -> None:
    assert set(registered(whole.app)) <= set(HOOKS)


def _is_sound(operation: Operation) -> bool:
    return "planted" not in operation.path or operation.name == "get_ending"
