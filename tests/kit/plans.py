"""What PostgreSQL did for each statement that an engine sent: the plan it really took, by `auto_explain`."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine, event

_SETTINGS = {
    "log_min_duration": "0",
    "log_analyze": "on",
    "log_buffers": "on",
    "log_timing": "off",
    "log_format": "json",
    "log_level": "notice",
}
# From here on psycopg prepares a statement, and five executions later PostgreSQL may settle on one plan for all values.
_EXECUTIONS_BEFORE_PREPARING = 0


@dataclass(frozen=True)
class Plan:
    """A statement, its plan as `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` shows it, and how long it took."""

    statement: str
    root: dict[str, Any]
    milliseconds: float

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Every node, from the root."""
        return list(_walk(self.root))

    @property
    def shape(self) -> list[tuple[str, str]]:
        """What each node does, and on which index or table.

        PostgreSQL may choose from day to day how it fetches what an index found, and what it remembers meanwhile.
        """
        return [
            (node["Node Type"].removeprefix("Bitmap "), node.get("Index Name") or node.get("Relation Name", ""))
            for node in self.nodes
            if node["Node Type"] not in ("Bitmap Heap Scan", "Memoize")
        ]

    @property
    def rows_read(self) -> list[int]:
        """For each node, how many rows it gave, or looked at and threw away."""
        return [_rows(node) for node in self.nodes]

    @property
    def buffers(self) -> int:
        """Pages that were touched, in memory or not."""
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])


@contextmanager
def explained(engine: Engine) -> Iterator[list[Plan]]:
    """The plans of what `engine` sends inside, on connections of its own."""
    plans: list[Plan] = []

    def set_up(connection: psycopg.Connection, _record: object) -> None:
        connection.execute("LOAD 'auto_explain'")
        for name, value in _SETTINGS.items():
            connection.execute(f"SET auto_explain.{name} = {value}")
        connection.commit()
        connection.prepare_threshold = _EXECUTIONS_BEFORE_PREPARING
        connection.add_notice_handler(lambda notice: plans.append(_plan(notice)))

    engine.dispose()
    event.listen(engine, "connect", set_up)
    yield plans
    event.remove(engine, "connect", set_up)
    engine.dispose()


def _plan(notice: psycopg.errors.Diagnostic) -> Plan:
    found = re.fullmatch(r"duration: ([\d.]+) ms  plan:\n(.*)", notice.message_primary or "", re.DOTALL)
    assert found is not None, notice.message_primary
    explained = json.loads(found[2])
    return Plan(explained["Query Text"], explained["Plan"], float(found[1]))


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _walk(child)


def _rows(node: dict[str, Any]) -> int:
    removed = sum(node.get(f"Rows Removed by {cause}", 0) for cause in ("Filter", "Index Recheck"))
    return round((node["Actual Rows"] + removed) * node["Actual Loops"])
