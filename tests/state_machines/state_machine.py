"""The base class of the state machines in this folder."""

from collections.abc import Callable
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine


class StateMachine(RuleBasedStateMachine):
    """A state machine that prints only the steps of a failing example, not the invariants checked in between."""

    def check_invariants(self, settings: Any, _output: Callable[[str], object], *rest: Any) -> None:
        super().check_invariants(settings, lambda _line: None, *rest)
