"""Single programs of the Procfile in development settings, and the processes below them."""

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
    # Tests of faults use this module, and import nothing of the project.
    from project.config import Settings

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Programs:
    """Started in one environment; their logs are in `folder`."""

    folder: Path
    environment: dict[str, str]

    @contextmanager
    def web(self) -> Iterator[str]:
        """gunicorn, and the URL at which it is ready."""
        port = free_port()
        with self._running("web", "gunicorn wsgi:app", PORT=str(port)) as process:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: ensure_ready(url), process, log=self.folder / "web.log", seconds=30)
            yield url

    @contextmanager
    def worker(self, options: str = "--concurrency 1") -> Iterator[subprocess.Popen[bytes]]:
        """A Celery worker. It needs seconds to start."""
        with self._running("worker", f"celery --app worker.app worker --loglevel INFO {options}") as process:
            yield process

    @contextmanager
    def jobs(self) -> Iterator[subprocess.Popen[bytes]]:
        """A Celery worker, and the scheduler beside it."""
        beat = "celery --app worker.app beat --loglevel WARNING --scheduler celery.beat:Scheduler"
        with ExitStack() as stack:
            process = stack.enter_context(self.worker())
            stack.enter_context(self._running("beat", beat))
            yield process

    @contextmanager
    def _running(self, name: str, line: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        log = self.folder / f"{name}.log"
        with program(line, log=log, environment={**self.environment, **more}) as process:
            try:
                yield process
            except BaseException:
                # pytest shows it beside the failure.
                print(f"--- {log}\n{log.read_text(errors='replace')[-4000:]}")
                raise


@contextmanager
def program(line: str, *, log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command line as the Procfile has them, run until the block ends."""
    with running(command(line), log=log, cwd=ROOT, env=environment) as process:
        try:
            yield process
        finally:
            _end_now(process)


def command(line: str) -> list[str]:
    """The words of a command line, its program that of our virtual environment."""
    name, *arguments = shlex.split(line)
    return [str(BIN / name), *arguments]


def programs(settings: "Settings", **more: str) -> Programs:
    """Programs on the database, broker and folder of `settings`; `more` are environment variables."""
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "development",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "BROKER_URL": settings.broker_url,
        "MAIL_URL": settings.mail_url,
        "RATE_LIMIT_ENABLED": "false",
    }
    return Programs(settings.data_dir, environment | more)


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that are still there."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def of_folder(folder: Path) -> dict[int, str]:
    """The command of every process whose DATA_DIR is `folder`, by its id."""
    mark = f"DATA_DIR={folder}\0".encode()
    found = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _read(path)]
    return {pid: _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode() for pid in found}


def _end_now(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and end what it started: a child that is stuck in a task would outlive it."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def ensure_ready(url: str) -> None:
    """Raise unless the web process at `url` can serve."""
    answer = urllib3.request("GET", f"{url}/health/ready", retries=False, timeout=5)
    if answer.status != 200:
        raise RuntimeError(answer.data.decode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
