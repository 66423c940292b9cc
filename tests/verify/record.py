"""A run kept as JSON, and set beside an earlier one."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.verify.flow import Result

Record = dict[str, Any]


def save(results: list[Result], path: Path, *, url: str) -> None:
    """Write the run to `path`."""
    record = {"url": url, "steps": [asdict(result) for result in results]}
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def load(path: Path) -> dict[str, Result]:
    """The run in `path`, by step. ValueError if it holds none."""
    try:
        return {each["name"]: Result(**each) for each in json.loads(path.read_bytes())["steps"]}
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no saved run") from error


def compare(then: dict[str, Result], now: list[Result]) -> Iterator[str]:
    """A line per step, those first that passed then and do not now."""
    before = [then.get(result.name, Result(result.name, "not run")) for result in now]
    rows = sorted(zip(before, now, strict=True), key=lambda row: not is_worse(*row))
    yield f"   {'':<18} {'then':>18}    {'now':>18}"
    for was, result in rows:
        yield f" {'✗' if is_worse(was, result) else ' '} {result.name:<18} {_cell(was)} → {_cell(result)}"
    for name in then.keys() - {result.name for result in now}:
        yield f"   {name:<18} {_cell(then[name])} → {'no longer a step':>18}"


def is_worse(was: Result, result: Result) -> bool:
    """Whether this step passed once and does not any more."""
    return was.outcome == "passed" != result.outcome


def _cell(result: Result) -> str:
    return f"{result.outcome:<8}{result.ms:>7} ms"
