"""The servers that are compared: the project and the floor, on the same database, data folder and keys."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection
from subprocess import run
from typing import Any

from urllib3 import HTTPConnectionPool

from tests.kit.clients.raw_http import RawResponse
from tests.kit.deployment.processes import local_environment, new_signing_key
from tests.kit.deployment.programs import ROOT, child_pids, command, program
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import wait_until

_OURS = "gunicorn wsgi:app"
_FLOOR = (
    "gunicorn benchmarks.floor:app --config /dev/null --preload --worker-class gthread --workers 2 --threads 4 "
    "--keep-alive 75 --bind 127.0.0.1:{port}"
)


@dataclass
class Server:
    """A running server, and a client with one persistent connection to it."""

    port: int
    pid: int
    token: str = ""
    state: dict[str, Any] = field(default_factory=dict)
    """What the requests of a case need, such as the id of a file that they download."""

    def __post_init__(self) -> None:
        self._connection = HTTPConnectionPool("127.0.0.1", self.port, maxsize=1, retries=False, timeout=60)

    def request(
        self, method: str, path: str, body: bytes | None = None, *, expected: int = 200, **headers: str
    ) -> RawResponse:
        """Send a request and return its response. Fails unless it has the `expected` status."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        received = self._connection.request(method, f"/api/v1{path}", body, headers=sent)
        response = RawResponse(
            received.status, {name.lower(): value for name, value in received.headers.items()}, received.data
        )
        assert response.status == expected, (method, path, response.status, response.body[:500])
        return response

    def post(self, path: str, members: dict[str, Any], *, expected: int = 200, **headers: str) -> RawResponse:
        """Send a `POST` with a JSON body."""
        body = json.dumps(members).encode()
        return self.request("POST", path, body, expected=expected, Content_Type="application/json", **headers)

    def cpu_seconds(self) -> float:
        """Return the CPU time that the server has used so far, in all of its threads and processes."""
        return cpu_seconds(self.pid)

    def web_processes(self) -> list[int]:
        """Return the ids of the processes that serve requests."""
        return child_pids(self.pid)


@dataclass(frozen=True)
class Servers:
    """The two servers that are compared, and the environment of the project's processes."""

    floor: Server
    ours: Server
    environment: dict[str, str]
    folder: Path

    @contextmanager
    def worker(self) -> Iterator[int]:
        """Run a worker with one process and yield the id of its main process."""
        line = "celery --app worker.app worker --loglevel INFO --concurrency 1 --without-gossip --without-mingle"
        with program(line, log=self.folder / "worker.log", environment=self.environment) as process:
            yield process.pid


@contextmanager
def serve(folder: Path, *, database: str, broker: str) -> Iterator[Servers]:
    """Migrate the database and run both servers."""
    environment = _environment(folder, database, broker)
    run(command("flask --app wsgi db upgrade"), cwd=ROOT, env=environment, check=True, capture_output=True)
    with ExitStack() as stack:
        floor = stack.enter_context(_server(_FLOOR, folder / "floor.log", environment))
        ours = stack.enter_context(_server(_OURS, folder / "ours.log", environment))
        yield Servers(floor, ours, environment, folder)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time used so far by the threads of a process and of its descendants, in nanosecond resolution."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    own = sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
    return own + sum(cpu_seconds(child) for child in child_pids(pid))


@contextmanager
def _server(line: str, log: Path, environment: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    with program(line.format(port=port), log=log, environment={**environment, "PORT": str(port)}) as process:
        server = Server(port, process.pid)
        wait_until(lambda: create_connection(("127.0.0.1", port)).close(), process, log=log, seconds=60)
        yield server


def _environment(folder: Path, database: str, broker: str) -> dict[str, str]:
    return {
        **local_environment(folder),
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "SECRET_KEY": "for benchmarks only and longer than 32 bytes",
        "JWT_KEYS": new_signing_key(),
        "ALLOWED_CONTENT_TYPES": "application/pdf",
        "RATE_LIMIT_ENABLED": "false",
        "WEB_CONCURRENCY": "2",
        "WEB_THREADS": "4",
        "KEEPALIVE_SECONDS": "75",
    }
