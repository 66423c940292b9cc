"""Compares every order of the steps of some operations with their serial orders."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial

from flask import Flask

from tests.kit.interleaving.actors import Actor, LockWaits, gates
from tests.kit.interleaving.determinism import determinism
from tests.kit.interleaving.operations import World, create_world, operations
from tests.kit.interleaving.search import Execution, are_independent, explore, replay, serial
from tests.kit.interleaving.snapshot import Snapshot
from tests.kit.interleaving.stores import Stores


@dataclass(frozen=True)
class Outcome:
    """The results of the operations, and all rows afterwards. `yielding` are the actors that may have given way."""

    results: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    yielding: frozenset[int] = frozenset()

    def equals_without_yielding(self, other: "Outcome") -> bool:
        """Whether this equals `other`, the outcome of an execution without the actors that may have given way."""
        pairs = enumerate(zip(self.results, other.results, strict=True))
        return self.rows == other.rows and all(ours == theirs for i, (ours, theirs) in pairs if i not in self.yielding)


@dataclass(frozen=True)
class Exploration:
    """The outcomes of some operations, each with its schedules. `anomalies` are those that are not allowed."""

    serial: Mapping[Outcome, Sequence[str]]
    interleaved: Mapping[Outcome, Sequence[str]]
    anomalies: Sequence[Outcome]


class Explorer:
    """Explores operations on `world`, starting from the present contents of the database and the stores of `app`."""

    def __init__(self, app: Flask, world: World, stores: Stores) -> None:
        url = app.extensions["settings"].database_url.replace("+psycopg", "")
        self._app = app
        self._world = world
        self._stores = stores
        self._started_at = datetime.now(UTC)
        self._used = Counter[int]()
        self._snapshot = Snapshot(url)
        self._waits = LockWaits(url)
        stores.save()

    def ensure_serial(self, *names: str, reduced: bool = True, schedule: str | None = None) -> None:
        """Fail unless all orders of steps, or only the one in `schedule`, have the outcome of a serial order."""
        found = self.explore(*names, reduced=reduced, schedule=schedule)
        if found.anomalies:
            raise AssertionError(self._describe(names, found))

    def explore(self, *names: str, reduced: bool = True, schedule: str | None = None) -> Exploration:
        """Execute operations in all orders of their steps, or in a reduced set of orders with the same outcomes.

        With a schedule, such as `AABBA`, executes them only in this order.
        """
        self._snapshot.compact()
        with self._controlled():
            start = partial(self._start, names)
            in_series = self._outcomes(names, serial(start, len(names)))
            executions = explore(start, reduced=reduced) if schedule is None else [replay(start(), schedule)]
            interleaved = self._outcomes(names, executions)
            anomalies = [each for each in interleaved if each not in in_series and not self._gave_way(names, each)]
        return Exploration(in_series, interleaved, anomalies)

    def are_independent(self, *names: str) -> bool:
        """Whether no operation touches what another one changes, so that their order has no effect."""
        return are_independent([self._alone(name) for name in names])

    def count_steps(self, name: str) -> int:
        """Return the number of steps of an operation that runs alone."""
        return len(self._alone(name).taken)

    def has_effect(self, name: str) -> bool:
        """Whether an operation changes any rows, or stored objects, or sends mail, if it runs alone."""
        before = self._outcome([], self._start([])).rows
        with self._controlled():
            after = self._outcome([name], next(serial(partial(self._start, [name]), 1))).rows
        return before != after

    def close(self) -> None:
        """Restore the rows, and drop the snapshot."""
        self._snapshot.restore()
        self._snapshot.close()
        self._waits.close()

    @contextmanager
    def _controlled(self) -> Iterator[None]:
        with gates(self._app), determinism(self._started_at, self._used):
            yield

    @cache  # noqa: B019 - there is one explorer per process
    def _alone(self, name: str) -> Execution:
        with self._controlled():
            return next(serial(partial(self._start, [name]), 1))

    def _gave_way(self, names: Sequence[str], outcome: Outcome) -> bool:
        """Whether some actors had no effect, and the others had the effects of one of their serial orders."""
        if not outcome.yielding:
            return False
        others = partial(self._start, names, omitted=outcome.yielding)
        return any(map(outcome.equals_without_yielding, self._outcomes(names, serial(others, len(names)))))

    def _start(self, names: Sequence[str], *, omitted: Collection[int] = ()) -> Execution:
        self._snapshot.restore()
        self._stores.restore()
        self._used.clear()
        calls = [partial(operations()[name].call, self._world) for name in names]
        calls = [_do_nothing if index in omitted else call for index, call in enumerate(calls)]
        return Execution([Actor(index, self._app, call) for index, call in enumerate(calls)], self._waits)

    def _outcomes(self, names: Sequence[str], executions: Iterable[Execution]) -> dict[Outcome, list[str]]:
        outcomes: dict[Outcome, list[str]] = {}
        for execution in executions:
            outcomes.setdefault(self._outcome(names, execution), []).append(execution.schedule)
        return outcomes

    def _outcome(self, names: Sequence[str], execution: Execution) -> Outcome:
        results = [actor.result for actor in execution.actors]
        yielding = {i for i, result in enumerate(results) if operations()[names[i]].may_have_given_way(result)}
        return Outcome(
            tuple(map(repr, results)),
            (*self._snapshot.rows(), *self._stores.rows()),
            frozenset(yielding | execution.canceled),
        )

    def _describe(self, names: Sequence[str], found: Exploration) -> str:
        """Describe the first anomaly: its steps, and how it differs from each serial order."""
        outcome = found.anomalies[0]
        schedule = found.interleaved[outcome][0]
        with self._controlled():
            execution = replay(self._start(names), schedule)
        labels = [f"{actor.name} ({name})" for actor, name in zip(execution.actors, names, strict=True)]
        lines = [f"No serial order has the outcome of the schedule {schedule}:", ""]
        lines += [f"{labels[actor.index]}  {_shorten(step.text)}" for actor, step in execution.taken]
        for expected, schedules in found.serial.items():
            lines += ["", f"Compared with the serial order {schedules[0]}:", *_differences(labels, outcome, expected)]
        return "\n".join([*lines, "", f"To execute only this order, add --schedule={schedule}"])


@contextmanager
def explorer(app: Flask) -> Iterator[Explorer]:
    """Yield an explorer of a new world in the empty database of `app`, whose storage and mailer are replaced."""
    stores = Stores(app)
    exploring = Explorer(app, create_world(app), stores)
    try:
        yield exploring
    finally:
        exploring.close()


def _do_nothing() -> None:
    pass


def _shorten(statement: str) -> str:
    """Omit the columns that a statement returns, and the types of its parameters."""
    return re.sub(r"(?<=^SELECT ).*?(?= FROM )| RETURNING .*|::[A-Z ]+\b", "", statement)[:200]


def _differences(labels: Sequence[str], outcome: Outcome, expected: Outcome) -> list[str]:
    results = [
        f"  {label} returned {ours}, not {theirs}"
        for label, ours, theirs in zip(labels, outcome.results, expected.results, strict=True)
        if ours != theirs
    ]
    surplus = [f"  + {table} {row}" for table, row in outcome.rows if (table, row) not in expected.rows]
    missing = [f"  - {table} {row}" for table, row in expected.rows if (table, row) not in outcome.rows]
    return results + surplus + missing
