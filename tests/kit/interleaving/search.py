"""Runs actors in every order of their steps: a depth-first search that starts again for each order.

The reduced search uses sleep sets (Godefroid, 1996). After it has tried a step of one actor, it does not try that step
again behind steps of others that are independent of it, because the result would be the same.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from tests.kit.interleaving.actors import Actor, LockWaits
from tests.kit.interleaving.steps import Step

_TIMEOUT_SECONDS = 20


class Execution:
    """One run of some actors, under control of the caller. `taken` are the steps so far, each with its actor."""

    def __init__(self, actors: Sequence[Actor], waits: LockWaits) -> None:
        self.actors = actors
        self.taken: list[tuple[Actor, Step]] = []
        self._waits = waits
        self._waiting: set[int] = set()
        for actor in actors:
            actor.start()
            assert actor.has_arrived(_TIMEOUT_SECONDS), "the operation did not begin"

    @property
    def choices(self) -> dict[int, Step]:
        """The steps that can be granted, by the index of their actor. Empty once all actors have ended."""
        self._break_deadlock()
        waiting = [step for index in self._waiting if (step := self.actors[index].step)]
        steps = {index: actor.step for index, actor in enumerate(self.actors) if index not in self._waiting}
        return {index: step.joined_by(waiting) if step.publishes else step for index, step in steps.items() if step}

    def grant(self, index: int) -> None:
        """Execute the next step of an actor, and the steps of others that waited for it."""
        actor = self.actors[index]
        assert actor.step is not None
        self.taken.append((actor, actor.step))
        actor.grant()
        for each in (index, *sorted(self._waiting - {index})):
            self._settle(each)

    def finish(self) -> None:
        """Execute the remaining steps in any order."""
        while choices := self.choices:
            self.grant(next(iter(choices)))

    def _settle(self, index: int) -> None:
        others = [each for number, each in enumerate(self.actors) if number != index]
        if self._waits.settle(self.actors[index], others):
            self._waiting.discard(index)
        else:
            self._waiting.add(index)

    def _break_deadlock(self) -> None:
        """If all actors that have not ended wait for each other, wait until PostgreSQL aborts one of them."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        alive = {index for index, actor in enumerate(self.actors) if index in self._waiting or actor.step}
        while self._waiting and self._waiting == alive:
            assert time.monotonic() < deadline, "all actors wait for a lock"
            for index in sorted(alive):
                if self.actors[index].has_arrived(0.01):
                    self._waiting.discard(index)


@dataclass
class _Node:
    choices: dict[int, Step]
    sleeping: dict[int, Step]
    taken: int

    def sleeping_after(self) -> dict[int, Step]:
        step = self.choices[self.taken]
        return {index: other for index, other in self.sleeping.items() if other.is_independent_of(step)}

    def advance(self) -> bool:
        """Choose the next actor that was not tried here. Returns whether there is one."""
        self.sleeping[self.taken] = self.choices[self.taken]
        remaining = [index for index in self.choices if index not in self.sleeping]
        if remaining:
            self.taken = remaining[0]
        return bool(remaining)


def explore(start: Callable[[], Execution], *, reduced: bool = True) -> Iterator[Execution]:
    """Yield a completed execution for each order of steps. The reduced search omits orders with the same result."""
    path: list[_Node] = []
    while True:
        execution = start()
        for node in path:
            assert execution.choices == node.choices, "the same schedule led to other steps than before"
            execution.grant(node.taken)
        if _extend(path, execution, reduced=reduced):
            yield execution
        else:
            execution.finish()
        while path and not path[-1].advance():
            path.pop()
        if not path:
            return


def serial(start: Callable[[], Execution], count: int) -> Iterator[Execution]:
    """Yield an execution for each order of whole operations."""
    for order in permutations(range(count)):
        execution = start()
        for index in order:
            while index in execution.choices:
                execution.grant(index)
        yield execution


def replay(execution: Execution, schedule: str) -> None:
    """Execute the steps in the order of a schedule, such as `AABBA`, and then the remaining ones."""
    indexes = {actor.name: actor.index for actor in execution.actors}
    for name in schedule:
        execution.grant(indexes[name])
    execution.finish()


def _extend(path: list[_Node], execution: Execution, *, reduced: bool) -> bool:
    """Execute steps until all actors have ended. Returns False if the result of this order is already known."""
    while choices := execution.choices:
        sleeping = path[-1].sleeping_after() if path and reduced else {}
        awake = [index for index in choices if index not in sleeping]
        if not awake:
            return False
        path.append(_Node(choices, sleeping, awake[0]))
        execution.grant(awake[0])
    return True
