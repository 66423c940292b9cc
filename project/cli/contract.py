"""The committed API document, docs/openapi.json: what clients were promised, and what may be done to it.

An exception permits one incompatible change for one write, which leaves it on record in docs/breaking-changes.md.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from project.cli.compatibility import incompatible_changes
from project.infrastructure.clock import now

DOCS = Path(__file__).parents[2] / "docs"
_DOCUMENT, _EXCEPTIONS, _RECORD = "openapi.json", "openapi-exceptions.json", "breaking-changes.md"
# Where ./bin/run serves: the same for whoever writes.
_SERVERS = [{"url": "http://localhost:8000"}]


class Exemption(NamedTuple):
    """An incompatible change that may be written, once."""

    change: str
    reason: str


def contract_text(document: dict[str, Any]) -> str:
    """What docs/openapi.json holds of `document`: nothing of whose settings made it, in an order of its own."""
    return _json({**document, "servers": _SERVERS}, sort_keys=True)


def objections(document: dict[str, Any], folder: Path = DOCS) -> list[str]:
    """What forbids to write `document`: incompatible changes, and exceptions that permit nothing."""
    changes = incompatible_changes(_read(folder / _DOCUMENT, {}), json.loads(contract_text(document)))
    return list(_objections(changes, _exemptions(folder)))


def write_contract(document: dict[str, Any], folder: Path = DOCS) -> None:
    """Write `document`, to which there are no objections, and move the exceptions that it uses to the record."""
    used = _exemptions(folder)
    with (folder / _RECORD).open("a") as record:
        record.writelines(f"- {now():%Y-%m-%d}: {change}. Reason: {reason}\n" for change, reason in used)
    (folder / _DOCUMENT).write_text(contract_text(document))
    (folder / _EXCEPTIONS).write_text(_json([]))


def _objections(changes: list[str], exemptions: list[Exemption]) -> Iterator[str]:
    permitted = {exemption.change for exemption in exemptions}
    yield from (change for change in changes if change not in permitted)
    for change, reason in exemptions:
        if change not in changes:
            yield f"docs/{_EXCEPTIONS} permits what has not changed: {change}"
        if not reason.strip():
            yield f"docs/{_EXCEPTIONS} gives no reason for: {change}"


def _exemptions(folder: Path) -> list[Exemption]:
    entries = _read(folder / _EXCEPTIONS, [])
    return [Exemption(entry["change"], entry.get("reason", "")) for entry in entries]


def _read(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text()) if path.exists() else otherwise


def _json(value: Any, **options: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, **options) + "\n"
