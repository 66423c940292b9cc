"""Saves the results of a run as JSON, and compares them with an earlier run."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.verify.flow import Result

Record = dict[str, Any]


def save(results: list[Result], path: Path, *, url: str) -> None:
    """Write the results to `path`."""
    record = {"url": url, "steps": [asdict(result) for result in results]}
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def load(path: Path) -> dict[str, Result]:
    """Return the results in `path` by step name. Raises ValueError if the file is not a saved run."""
    try:
        return {each["name"]: Result(**each) for each in json.loads(path.read_bytes())["steps"]}
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a saved run") from error


def compare(earlier: dict[str, Result], current: list[Result]) -> Iterator[str]:
    """Return one line per step. Steps that passed before but do not pass now come first."""
    before = [earlier.get(result.name, Result(result.name, "not run")) for result in current]
    rows = sorted(zip(before, current, strict=True), key=lambda row: not is_worse(*row))
    yield f"   {'':<18} {'earlier':>18}    {'now':>18}"
    for was, result in rows:
        yield f" {'✗' if is_worse(was, result) else ' '} {result.name:<18} {_cell(was)} → {_cell(result)}"
    for name in earlier.keys() - {result.name for result in current}:
        yield f"   {name:<18} {_cell(earlier[name])} → {'removed step':>18}"


def is_worse(was: Result, result: Result) -> bool:
    """Return whether the step passed before but does not pass now."""
    return was.outcome == "passed" != result.outcome


def _cell(result: Result) -> str:
    return f"{result.outcome:<8}{result.ms:>7} ms"
