"""Steps, and the runner that executes them in order."""

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
    """One step of a run. It runs only if every step in `after` has passed."""

    name: str
    checks: str
    act: Callable[[World], None]
    after: tuple["Step", ...]


@dataclass(frozen=True)
class Result:
    """The outcome of a step."""

    name: str
    outcome: Outcome
    ms: int = 0
    detail: str = ""


def step(checks: str, *, after: tuple[Step, ...] = ()) -> Callable[[Callable[[World], None]], Step]:
    """Turn a function into a Step with the same name. `checks` describes what the step checks, in a few words."""
    return lambda act: Step(act.__name__.replace("_", " "), checks, act, after)


def run(steps: Iterable[Step], world: World, table: Table) -> list[Result]:
    """Run the steps, show each result in the table as it becomes available, and return all results."""
    results: dict[str, Result] = {}
    for each in steps:
        table.begin(each.name, each.checks)
        results[each.name] = result = _run_step(each, world, results)
        table.end(result.outcome, result.ms, result.detail)
    return list(results.values())


def _run_step(each: Step, world: World, results: dict[str, Result]) -> Result:
    for required in each.after:
        if required.name in results and results[required.name].outcome != "passed":
            return Result(each.name, "not run", detail=f"requires “{required.name}”")
    world.client.begin_step(each.name)
    began = time.perf_counter()
    detail = _attempt(each, world)
    ms = round((time.perf_counter() - began) * 1000)
    return Result(each.name, "failed" if detail else "passed", ms, detail)


def _attempt(each: Step, world: World) -> str:
    """Run the step and return the failure, or an empty string if it passed."""
    try:
        each.act(world)
    except Failed as failure:
        return str(failure)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The response has an unexpected shape. The error message is omitted, because it may contain a secret.
        return f"{each.name}: expected a response that follows the contract, got an unreadable one: {_location(error)}"
    return ""


def _location(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
