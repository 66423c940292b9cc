"""A check: something that must hold for every operation that it applies to."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.operation import Operation
from tests.conformance.world import World

Body = Callable[[Operation, World], None]
Predicate = Callable[[Operation], bool]


@dataclass(frozen=True)
class Check:
    """Its name, what it applies to, and what raises AssertionError where it does not hold."""

    name: str
    applies: Predicate
    body: Body

    def __call__(self, operation: Operation, world: World) -> None:
        self.body(operation, world)

    def fails(self, operation: Operation, world: World) -> bool:
        """Whether it applies to an operation and does not hold."""
        if not self.applies(operation):
            return False
        try:
            self(operation, world)
        except Exception:  # an error is a failure too
            return True
        return False


CHECKS: list[Check] = []


def check(applies: Predicate = lambda operation: True) -> Callable[[Body], Body]:
    """Make a function a check of the operations that `applies` picks."""

    def register(body: Body) -> Body:
        CHECKS.append(Check(body.__name__, applies, body))
        return body

    return register
