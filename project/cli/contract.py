"""Writes the committed API document, docs/openapi.json, and prevents accidental breaking changes to it.

A breaking change must be listed, with a reason, in docs/openapi-exceptions.json. Writing the document then moves the
entry to docs/breaking-changes.md.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from project.cli.compatibility import incompatible_changes
from project.cli.git import base_text
from project.infrastructure.clock import now

DOCS = Path(__file__).parents[2] / "docs"
_DOCUMENT, _EXCEPTIONS, _RECORD = "openapi.json", "openapi-exceptions.json", "breaking-changes.md"
_RECORDED = re.compile(r"^- (\d{4}-\d\d-\d\d): (.+?)\. Reason: ", re.MULTILINE)
# The default address of ./bin/run. The committed document must not depend on the settings of a developer's machine.
_SERVERS = [{"url": "http://localhost:8000"}]


class AllowedChange(NamedTuple):
    """A breaking change that the next update of openapi.json is allowed to make."""

    change: str
    reason: str


def contract_text(document: dict[str, Any]) -> str:
    """Return `document` as it is written to docs/openapi.json: independent of settings, with sorted keys."""
    return _json({**document, "servers": _SERVERS}, sort_keys=True)


def violations(document: dict[str, Any], folder: Path = DOCS) -> list[str]:
    """Return the reasons why `document` must not be written: unlisted breaking changes, and invalid entries.

    Changes are relative to the base commit, so what only this branch has written may change freely.
    """
    before = json.loads(base_text(folder / _DOCUMENT) or "{}")
    changes = incompatible_changes(before, json.loads(contract_text(document)))
    recorded = _recorded_changes(folder / _RECORD)
    unrecorded = [change for change in changes if change not in recorded]
    return [*_violations(unrecorded, _allowed_changes(folder)), *_stale_records(recorded, changes)]


def write_contract(document: dict[str, Any], folder: Path = DOCS) -> None:
    """Write `document`, and move the listed exceptions to docs/breaking-changes.md.

    The caller must have checked that there are no violations.
    """
    allowed = _allowed_changes(folder)
    with (folder / _RECORD).open("a") as record:
        record.writelines(f"- {now():%Y-%m-%d}: {change}. Reason: {reason}\n" for change, reason in allowed)
    (folder / _DOCUMENT).write_text(contract_text(document))
    (folder / _EXCEPTIONS).write_text(_json([]))


def _violations(changes: list[str], allowed: list[AllowedChange]) -> Iterator[str]:
    allowed_sentences = {entry.change for entry in allowed}
    yield from (change for change in changes if change not in allowed_sentences)
    for change, reason in allowed:
        if change not in changes:
            yield f"docs/{_EXCEPTIONS} lists a change that was not made: {change}"
        if not reason.strip():
            yield f"docs/{_EXCEPTIONS} gives no reason for: {change}"


def _allowed_changes(folder: Path) -> list[AllowedChange]:
    entries = _read(folder / _EXCEPTIONS, [])
    return [AllowedChange(entry["change"], entry.get("reason", "")) for entry in entries]


def _recorded_changes(record: Path) -> list[str]:
    """Return the changes that have been recorded since the base commit, even if other lines were edited."""
    lines = Counter(_RECORDED.findall(record.read_text())) if record.exists() else Counter()
    return [change for _day, change in lines - Counter(_RECORDED.findall(base_text(record)))]


def _stale_records(recorded: Collection[str], changes: Collection[str]) -> Iterator[str]:
    for change in recorded:
        if change not in changes:
            yield f"docs/{_RECORD} records a change that was not made: {change}"


def _read(path: Path, default: Any) -> Any:
    return json.loads(path.read_text()) if path.exists() else default


def _json(value: Any, **options: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, **options) + "\n"
