"""What every machine is built on: its failures read as the steps that lead to them."""

from collections.abc import Callable
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine


class Story(RuleBasedStateMachine):
    """A state machine that prints the steps of a failing example, without the invariants in between."""

    def check_invariants(self, settings: Any, _output: Callable[[str], object], *rest: Any) -> None:
        super().check_invariants(settings, lambda _line: None, *rest)
