"""Compares every order of the steps of some operations with their serial orders."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from flask import Flask

from tests.kit.interleaving.actors import Actor, LockWaits, gates
from tests.kit.interleaving.determinism import determinism
from tests.kit.interleaving.operations import World, operations
from tests.kit.interleaving.search import Execution, explore, replay, serial
from tests.kit.interleaving.snapshot import Snapshot


@dataclass(frozen=True)
class Outcome:
    """The results of the operations, and all rows afterwards."""

    results: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Exploration:
    """The outcomes of some operations, with the first schedule that led to each."""

    serial: Mapping[Outcome, str]
    interleaved: Mapping[Outcome, str]

    @property
    def anomalies(self) -> dict[Outcome, str]:
        """The outcomes that no serial order has."""
        return {outcome: schedule for outcome, schedule in self.interleaved.items() if outcome not in self.serial}


class Explorer:
    """Explores operations that start from the present rows of the database of `app`."""

    def __init__(self, app: Flask, url: str, world: World, used: Counter[int]) -> None:
        self._app = app
        self._world = world
        self._used = used
        self._snapshot = Snapshot(url)
        self._waits = LockWaits(url)

    def explore(self, *names: str, reduced: bool = True) -> Exploration:
        """Execute the operations in all orders of their steps, or in a reduced set of orders with the same outcomes."""
        start = partial(self._start, names)
        in_series = self._outcomes(serial(start, len(names)))
        return Exploration(in_series, self._outcomes(explore(start, reduced=reduced)))

    def describe(self, names: Sequence[str], found: Exploration) -> str:
        """Describe the first anomaly: its steps, and how it differs from each serial order."""
        outcome, schedule = next(iter(found.anomalies.items()))
        execution = self._start(names)
        replay(execution, schedule)
        labels = [f"{actor.name} ({names[actor.index]})" for actor in execution.actors]
        lines = [f"No serial order has this outcome (replay: {schedule!r}).", ""]
        lines += [f"{labels[actor.index]}  {step.text[:100]}" for actor, step in execution.taken]
        for expected, order in found.serial.items():
            lines += ["", f"Unlike in the serial order {order!r}:", *_differences(labels, outcome, expected)]
        return "\n".join(lines)

    def close(self) -> None:
        """Drop the snapshot."""
        self._snapshot.restore()
        self._snapshot.close()
        self._waits.close()

    def _start(self, names: Sequence[str]) -> Execution:
        self._snapshot.restore()
        self._used.clear()
        calls = [partial(operations()[name], self._world) for name in names]
        actors = [Actor(index, self._app, call) for index, call in enumerate(calls)]
        return Execution(actors, self._waits)

    def _outcomes(self, executions: Iterator[Execution]) -> dict[Outcome, str]:
        outcomes: dict[Outcome, str] = {}
        for execution in executions:
            results = tuple(repr(actor.result) for actor in execution.actors)
            schedule = "".join(actor.name for actor, _step in execution.taken)
            outcomes.setdefault(Outcome(results, tuple(self._snapshot.rows())), schedule)
        return outcomes


@contextmanager
def explorer(app: Flask, url: str, world: World) -> Iterator[Explorer]:
    """Yield an explorer whose snapshot is the present state of the database."""
    with gates(app), determinism(datetime.now(UTC)) as used:
        exploring = Explorer(app, url.replace("+psycopg", ""), world, used)
        try:
            yield exploring
        finally:
            exploring.close()


def _differences(labels: Sequence[str], outcome: Outcome, expected: Outcome) -> list[str]:
    results = [
        f"  {label} returned {ours}, not {theirs}"
        for label, ours, theirs in zip(labels, outcome.results, expected.results, strict=True)
        if ours != theirs
    ]
    surplus = [f"  + {table} {row}" for table, row in outcome.rows if (table, row) not in expected.rows]
    missing = [f"  - {table} {row}" for table, row in expected.rows if (table, row) not in outcome.rows]
    return results + surplus + missing
