"""The base class of the state machines in this folder, and the result of a request."""

from collections.abc import Callable
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine
from werkzeug.test import TestResponse


class StateMachine(RuleBasedStateMachine):
    """A state machine that prints only the steps of a failing example, not the invariants checked in between."""

    def check_invariants(self, settings: Any, _output: Callable[[str], object], *rest: Any) -> None:
        super().check_invariants(settings, lambda _line: None, *rest)


def problem_of(response: TestResponse) -> str | None:
    """Return the problem code of a response, or `None` if it is a success."""
    return None if response.status_code < 300 else response.get_json(force=True)["code"]
