"""Counts the instructions per request with Valgrind's Callgrind: figures without noise, for requests served in process.

Run as a program, it sends the requests to one application. `count()` runs it in Valgrind.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

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
        program = [sys.executable, "-m", "benchmarks.instructions", module, server.token, module]
        environment = {**servers.environment, "PYTHONHASHSEED": "0"}
        subprocess.run([*command, *program], cwd=ROOT, env=environment, check=True, capture_output=True)
        # The odd dumps end with the warm-up of a case, the even dumps with its counted requests.
        dumps = [Path(folder, f"out.{2 * number}") for number in range(1, len(_REQUESTS) + 1)]
        totals = [re.search(r"^totals: (\d+)", dump.read_text(), re.M) for dump in dumps]
        return {name: int(found[1]) / _COUNTED / 1000 for name, found in zip(_REQUESTS, totals, strict=True) if found}


def _environs(token: str, prefix: str) -> Iterator[Callable[[], dict[str, Any]]]:
    numbers = count(1)
    for method, target in _REQUESTS.values():
        yield lambda method=method, target=target: _environ(method, target, token, f"{prefix} {next(numbers):06}")


def _environ(method: str, target: str, token: str, name: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    body = json.dumps({"name": name}).encode() if method == "POST" else b""
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": f"/api/v1{path}",
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }


def _send(application: Any, environ: dict[str, Any]) -> None:
    statuses: list[str] = []
    response = application(environ, lambda status, _headers, _error=None: statuses.append(status))
    b"".join(response)
    if close := getattr(response, "close", None):
        close()
    assert statuses[0].startswith("2"), statuses


def main(module: str, token: str, prefix: str) -> None:
    """Send each request often enough to warm up, then send those that are counted between two marks."""
    application = import_module(module).app
    for environ in _environs(token, prefix):
        for repetitions in (_WARM_UP, _COUNTED):
            for _ in range(repetitions):
                _send(application, environ())
            _mark()


if __name__ == "__main__":
    main(*sys.argv[1:])
