"""Runs individual Procfile programs with development settings, and finds their processes."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import running, wait_until

if TYPE_CHECKING:
    # Fault tests use this module and must not import the project.
    from project.config import Settings

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Programs:
    """Programs that share an environment and write their logs to `folder`."""

    folder: Path
    environment: dict[str, str]

    @contextmanager
    def web(self) -> Iterator[str]:
        """Run gunicorn and yield its URL once it is ready."""
        port = free_port()
        with self._running("web", "gunicorn wsgi:app", PORT=str(port)) as process:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: ensure_ready(url), process, log=self.folder / "web.log", seconds=30)
            yield url

    @contextmanager
    def worker(self, options: str = "--concurrency 1") -> Iterator[subprocess.Popen[bytes]]:
        """Run a Celery worker. Does not wait until it is ready, which takes seconds."""
        with self._running("worker", f"celery --app worker.app worker --loglevel INFO {options}") as process:
            yield process

    @contextmanager
    def jobs(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a Celery worker and the scheduler; yield the worker's process."""
        beat = "celery --app worker.app beat --loglevel WARNING --scheduler celery.beat:Scheduler"
        with ExitStack() as stack:
            process = stack.enter_context(self.worker())
            stack.enter_context(self._running("beat", beat))
            yield process

    @contextmanager
    def _running(self, name: str, line: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
        log = self.folder / f"{name}.log"
        with program(line, log=log, environment={**self.environment, **variables}) as process:
            try:
                yield process
            except BaseException:
                # pytest shows captured output next to the failure.
                print(f"--- {log}\n{log.read_text(errors='replace')[-4000:]}")
                raise


@contextmanager
def program(line: str, *, log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command line from the Procfile until the `with` block exits."""
    with running(command(line), log=log, cwd=ROOT, env=environment) as process:
        try:
            yield process
        finally:
            _terminate(process)


def command(line: str) -> list[str]:
    """Split a command line into arguments and resolve its program in this virtual environment."""
    name, *arguments = shlex.split(line)
    return [str(BIN / name), *arguments]


def programs(settings: "Settings", **variables: str) -> Programs:
    """Return programs that use the database, broker, mail server and data folder from `settings`.

    `variables` are added to their environment.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "development",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "BROKER_URL": settings.broker_url,
        "MAIL_URL": settings.mail_url,
        "RATE_LIMIT_ENABLED": "false",
    }
    return Programs(settings.data_dir, environment | variables)


def child_pids(pid: int) -> list[int]:
    """Return the ids of the running children of a process."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def find_processes(folder: Path) -> dict[int, str]:
    """Return the command line of each process whose `DATA_DIR` is `folder`, by process id."""
    variable = f"DATA_DIR={folder}\0".encode()
    pids = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if variable in _read(path)]
    return {pid: _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode() for pid in pids}


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process, then kill its process group: a child that is stuck in a task would outlive its parent."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def ensure_ready(url: str) -> None:
    """Raise an error unless the web process at `url` reports that it is ready."""
    response = urllib3.request("GET", f"{url}/health/ready", retries=False, timeout=5)
    if response.status != 200:
        raise RuntimeError(response.data.decode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
