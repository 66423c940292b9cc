"""Runs actors in every order of their steps: a depth-first search that starts again for each order.

The reduced search tries only one of all orders that differ in the order of independent steps, because their result is
the same. It is the dynamic partial order reduction with source sets and sleep sets (Abdulla et al., POPL 2014): after
each execution, it finds the steps that would have another effect in reverse order, and tries that order next.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations, permutations, product

from tests.kit.interleaving.actors import Actor, LockWaits
from tests.kit.interleaving.steps import Step

_TIMEOUT_SECONDS = 20


class Execution:
    """One run of some actors, under control of the caller.

    `taken` are the steps so far, each with its actor. `canceled` are the indexes of the actors canceled in a deadlock.
    """

    def __init__(self, actors: Sequence[Actor], waits: LockWaits) -> None:
        self.actors = actors
        self.taken: list[tuple[Actor, Step]] = []
        self.canceled: set[int] = set()
        self._waits = waits
        self._waiting: set[int] = set()
        for actor in actors:
            actor.start()
            assert actor.has_arrived(_TIMEOUT_SECONDS), "the operation did not begin"

    @property
    def schedule(self) -> str:
        """The names of the actors in the order of their steps, such as `AABBA`."""
        return "".join(actor.name for actor, _step in self.taken)

    @property
    def choices(self) -> dict[int, Step]:
        """The steps that can be granted, by the index of their actor. Empty once all actors have ended."""
        self._break_deadlock()
        waiting = [step for index in self._waiting if (step := self.actors[index].step)]
        steps = {index: actor.step for index, actor in enumerate(self.actors) if index not in self._waiting}
        return {index: step.joined_by(waiting) if step.publishes else step for index, step in steps.items() if step}

    def grant(self, index: int) -> None:
        """Execute the next step of an actor, and the steps of others that waited for it."""
        actor, step = self.actors[index], self.actors[index].step
        assert step is not None
        self.taken.append((actor, step))
        actor.grant()
        self._settle(index)
        while step.publishes and any(self._settle(each) for each in sorted(self._waiting - {index})):
            pass

    def finish(self) -> None:
        """Execute the remaining steps in any order."""
        while choices := self.choices:
            self.grant(next(iter(choices)))

    def abort(self) -> None:
        """Make the actors roll back their transactions and end."""
        for actor in self.actors:
            actor.abort()
        for actor in self.actors:
            actor.join(_TIMEOUT_SECONDS)

    def _settle(self, index: int) -> bool:
        """Wait until the last step of an actor ends, and return True, or until it waits, and return False."""
        actor, step = next(taken for taken in reversed(self.taken) if taken[0].index == index)
        others = [each for each in self.actors if each is not actor]
        if not step.locks and not step.shares:
            assert actor.has_arrived(_TIMEOUT_SECONDS), f"{actor.name} waits, although it locks nothing: {step.text}"
        elif not self._waits.settle(actor, step, others):
            self._waiting.add(index)
            return False
        self._waiting.discard(index)
        return True

    def _break_deadlock(self) -> None:
        """If all actors that have not ended wait for each other, cancel the statement of the last one.

        PostgreSQL would cancel one of them as well, but which one depends on the speed of the machine.
        """
        if self._waiting and all(index in self._waiting or not actor.step for index, actor in enumerate(self.actors)):
            index = max(self._waiting)
            self._waits.cancel(self.actors[index])
            assert self.actors[index].has_arrived(_TIMEOUT_SECONDS), "the statement was not canceled"
            self._waiting.discard(index)
            self.canceled.add(index)


@dataclass
class _Node:
    """A state of the search: which actors can continue, and which of them have been tried or must still be tried."""

    choices: dict[int, Step]
    sleeping: dict[int, Step]
    taken: int
    wanted: set[int]

    @property
    def step(self) -> Step:
        return self.choices[self.taken]

    def sleeping_after(self) -> dict[int, Step]:
        return {index: other for index, other in self.sleeping.items() if other.is_independent_of(self.step)}

    def advance(self) -> bool:
        """Choose the next actor to be tried. Returns whether there is one."""
        self.sleeping[self.taken] = self.step
        remaining = sorted((self.wanted & self.choices.keys()) - self.sleeping.keys())
        if remaining:
            self.taken = remaining[0]
        return bool(remaining)


def explore(start: Callable[[], Execution], *, reduced: bool = True) -> Iterator[Execution]:
    """Yield a completed execution for each order of steps. The reduced search omits orders with the same result."""
    path: list[_Node] = []
    while True:
        execution = start()
        with _aborting(execution):
            for node in path:
                choices = execution.choices
                assert choices == node.choices, (
                    f"{execution.schedule} led to other steps than before: {choices} instead of {node.choices}"
                )
                execution.grant(node.taken)
            is_new = _extend(path, execution, reduced=reduced)
        _want_reversed_races(path)
        if is_new:
            yield execution
        else:
            execution.finish()
        while path and not path[-1].advance():
            path.pop()
        if not path:
            return


def are_independent(executions: Sequence[Execution]) -> bool:
    """Whether no step of one execution depends on a step of another one, so that their order has no effect."""
    pairs = combinations([[step for _actor, step in execution.taken] for execution in executions], 2)
    return all(ours.is_independent_of(theirs) for a, b in pairs for ours, theirs in product(a, b))


def serial(start: Callable[[], Execution], count: int) -> Iterator[Execution]:
    """Yield an execution for each order of whole operations."""
    for order in permutations(range(count)):
        execution = start()
        with _aborting(execution):
            for index in order:
                while index in execution.choices:
                    execution.grant(index)
        yield execution


def replay(execution: Execution, schedule: str) -> Execution:
    """Execute the steps in the order of a schedule, such as `AABBA`, and then the remaining ones."""
    indexes = {actor.name: actor.index for actor in execution.actors}
    with _aborting(execution):
        for number, name in enumerate(schedule):
            assert indexes.get(name) in execution.choices, f"{name} cannot continue after {schedule[:number]!r}"
            execution.grant(indexes[name])
        execution.finish()
    return execution


@contextmanager
def _aborting(execution: Execution) -> Iterator[None]:
    """Abort the actors if the block fails, so that they keep no locks."""
    try:
        yield
    except BaseException:
        execution.abort()
        raise


def _extend(path: list[_Node], execution: Execution, *, reduced: bool) -> bool:
    """Execute steps until all actors have ended. Returns False if the result of this order is already known."""
    while choices := execution.choices:
        sleeping = path[-1].sleeping_after() if path and reduced else {}
        awake = [index for index in choices if index not in sleeping]
        if not awake:
            return False
        path.append(_Node(choices, sleeping, awake[0], {awake[0]} if reduced else set(choices)))
        execution.grant(awake[0])
    return True


def _want_reversed_races(path: list[_Node]) -> None:
    """Find adjacent steps that depend on each other, and make the search try the second one before the first one."""
    before: list[set[int]] = []
    for number, node in enumerate(path):
        direct = [
            i for i in range(number) if path[i].taken == node.taken or not path[i].step.is_independent_of(node.step)
        ]
        indirect = set().union(*(before[i] for i in direct))
        before.append(indirect.union(direct))
        for first in direct:
            if path[first].taken != node.taken and first not in indirect:
                _want_one_of(_initials(path, before, first, number), path[first])


def _initials(path: list[_Node], before: list[set[int]], first: int, second: int) -> set[int]:
    """Return the actors that can begin an order in which step `second` precedes step `first`."""
    moved = [i for i in range(first + 1, second + 1) if first not in before[i] or i == second]
    return {path[i].taken for i in moved if not before[i] & set(moved)}


def _want_one_of(actors: set[int], node: _Node) -> None:
    if not actors & node.wanted:
        possible = actors & node.choices.keys()
        node.wanted |= {min(possible)} if possible else node.choices.keys()
