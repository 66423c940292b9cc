"""The start and the memory of processes."""

import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import Server, Servers
from tests.kit.deployment.programs import ROOT

_REQUESTS = 20_000
_STARTS = 5


@dataclass(frozen=True)
class Figure:
    """A figure that is not compared with a floor. `budget` is its maximum."""

    name: str
    value: float
    unit: str
    budget: float | None

    @property
    def is_over_budget(self) -> bool:
        """Whether the figure exceeds its budget."""
        return self.budget is not None and self.value > self.budget


def figures(servers: Servers, slowness: float) -> list[Figure]:
    """Return the figures. Call it last, when the web processes have served all cases.

    The budget of the start is multiplied by `slowness`.
    """
    before = _memory(servers.ours, "Rss")
    for _ in range(_REQUESTS):
        servers.ours.request("GET", "/auth/me")
    after = _memory(servers.ours, "Rss")
    return [
        Figure("start: create_app() with imports", _start_seconds(servers), "s of CPU", 0.8 * slowness),
        Figure("memory of a web process (RSS)", after, "MiB", 120),
        Figure("memory of a web process (PSS)", _memory(servers.ours, "Pss"), "MiB", None),
        Figure(f"growth of a web process in {_REQUESTS:,} requests", after - before, "MiB", 2),
    ]


def _memory(server: Server, kind: str) -> float:
    """Return the memory of the largest web process in MiB."""
    maps = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in server.web_processes()]
    return max(int(found[1]) for text in maps if (found := re.search(rf"{kind}: +(\d+) kB", text))) / 1024


def _start_seconds(servers: Servers) -> float:
    return min(_start(servers) for _ in range(_STARTS))


def _start(servers: Servers) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", "import os, wsgi; os._exit(0)"], cwd=ROOT, env=servers.environment, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
