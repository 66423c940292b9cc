"""Counts the instructions per request with Valgrind's Callgrind: figures without noise, for requests served in process.

Run as a program, it sends the requests to one application. `count_instructions()` runs it in Valgrind.
"""

import os
import re
import subprocess
import sys
import tempfile
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from benchmarks.servers import Server, Servers
from tests.kit.deployment.programs import ROOT

_REQUESTS = {
    "current user": ("GET", "/auth/me"),
    "page of 20": ("GET", "/files?limit=20"),
    "page of 100": ("GET", "/files?limit=100"),
    "create": ("POST", "/organizations"),
}
_WARM_UP, _COUNTED = 12, 10
# Callgrind writes and resets its counters before each call of this function, which nothing else calls.
_mark = os.getloadavg
_MARK = "getloadavg"


def count_instructions(servers: Servers) -> dict[str, tuple[float, float]]:
    """Return the thousand instructions per request of the floor and of the project, by case."""
    floor = _count("benchmarks.floor", servers.floor, servers)
    ours = _count("wsgi", servers.ours, servers)
    return {name: (floor[name], ours[name]) for name in _REQUESTS}


def _count(module: str, server: Server, servers: Servers) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="callgrind-") as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", f"--dump-before={_MARK}"]
        program = [sys.executable, "-m", "benchmarks.instructions", module, server.token]
        environment = {**servers.environment, "PYTHONHASHSEED": "0"}
        subprocess.run([*command, *program], cwd=ROOT, env=environment, check=True, capture_output=True)
        # There are four dumps per case. The last one covers its counted requests.
        dumps = [Path(folder, f"out.{4 * number}").read_text() for number in range(1, len(_REQUESTS) + 1)]
        totals = [int(re.findall(r"^totals: (\d+)", dump, re.M)[0]) for dump in dumps]
        return {name: total / _COUNTED / 1000 for name, total in zip(_REQUESTS, totals, strict=True)}


def main(module: str, token: str) -> None:
    """Send each request often enough to warm up, then send those that are counted between two marks."""
    application, numbers = import_module(module).app, count(1)
    for method, path in _REQUESTS.values():
        for repetitions in (_WARM_UP, _COUNTED):
            environs = [_environ(method, path, token, f"{module} {next(numbers)}") for _ in range(repetitions)]
            _mark()
            for environ in environs:
                _, status, _ = run_wsgi_app(application, environ, buffered=True)
                assert status.startswith("2"), status
            _mark()


def _environ(method: str, path: str, token: str, name: str) -> dict[str, Any]:
    body = {"name": name} if method == "POST" else None
    headers = [("Authorization", f"Bearer {token}")]
    return EnvironBuilder(f"/api/v1{path}", "http://127.0.0.1", method=method, headers=headers, json=body).get_environ()


if __name__ == "__main__":
    main(*sys.argv[1:])
