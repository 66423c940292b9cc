"""A step, and how a run takes one after the other."""

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.verify.checks import Failed
from tests.verify.table import Table
from tests.verify.world import World

Outcome = Literal["passed", "failed", "not run"]


@dataclass(frozen=True)
class Step:
    """One thing that must hold; it is only tried when every step of `after` has passed."""

    name: str
    checks: str
    act: Callable[[World], None]
    after: tuple["Step", ...]


@dataclass(frozen=True)
class Result:
    """What came of a step."""

    name: str
    outcome: Outcome
    ms: int = 0
    detail: str = ""


def step(checks: str, *, after: tuple[Step, ...] = ()) -> Callable[[Callable[[World], None]], Step]:
    """Make the function a Step, named as it is; `checks` says in a few words what it looks at."""
    return lambda act: Step(act.__name__.replace("_", " "), checks, act, after)


def run(steps: Iterable[Step], world: World, table: Table) -> list[Result]:
    """The result of each step, shown as it comes."""
    results: dict[str, Result] = {}
    for each in steps:
        table.begin(each.name, each.checks)
        results[each.name] = result = _judge(each, world, results)
        table.end(result.outcome, result.ms, result.detail)
    return list(results.values())


def _judge(each: Step, world: World, results: dict[str, Result]) -> Result:
    for needed in each.after:
        if needed.name in results and results[needed.name].outcome != "passed":
            return Result(each.name, "not run", detail=f"needs “{needed.name}”")
    world.client.enter(each.name)
    began = time.perf_counter()
    detail = _attempt(each, world)
    ms = round((time.perf_counter() - began) * 1000)
    return Result(each.name, "failed" if detail else "passed", ms, detail)


def _attempt(each: Step, world: World) -> str:
    """What is wrong; nothing when all is well."""
    try:
        each.act(world)
    except Failed as failure:
        return str(failure)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # An answer of a shape that no check foresaw. Its words might repeat a secret.
        return f"{each.name}: expected an answer by the contract, saw one that cannot be read: {_place(error)}"
    return ""


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
