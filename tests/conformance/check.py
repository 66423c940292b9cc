"""Conformance checks: rules that operations must follow."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.operation import Operation
from tests.conformance.world import World

Body = Callable[[Operation, World], None]
Predicate = Callable[[Operation], bool]


@dataclass(frozen=True)
class Check:
    """A named rule. `applies` selects the operations; `body` raises AssertionError if an operation breaks the rule."""

    name: str
    applies: Predicate
    body: Body

    def __call__(self, operation: Operation, world: World) -> None:
        self.body(operation, world)

    def fails(self, operation: Operation, world: World) -> bool:
        """Return whether the check applies to the operation and fails."""
        if not self.applies(operation):
            return False
        try:
            self(operation, world)
        except Exception:  # An unexpected error also counts as a failure.
            return True
        return False


CHECKS: list[Check] = []


def check(applies: Predicate = lambda operation: True) -> Callable[[Body], Body]:
    """Register the decorated function as a check, under its own name, for the operations that `applies` selects."""

    def register(body: Body) -> Body:
        CHECKS.append(Check(body.__name__, applies, body))
        return body

    return register
