"""Runs a separate instance of the application for a test, as `./bin/run` does."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import running, wait_until

ROOT = Path(__file__).parents[3]


@contextmanager
def local_instance(folder: Path, **settings: str) -> Iterator[str]:
    """Run an instance with local backends and yield its URL. Data is in `folder`, and the log is `folder/run.log`."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "DATA_DIR": str(folder), **settings}
    command = [sys.executable, "-m", "project.cli.run"]
    log = folder / "run.log"
    with running(command, log=log, stop=signal.SIGINT, cwd=ROOT, env=environment) as process:
        url = f"http://localhost:{port}"
        wait_until(lambda: _ensure_ready(url), process, log=log, seconds=30)
        yield url


def _ensure_ready(url: str) -> None:
    if urllib3.request("GET", f"{url}/health/ready", retries=False, timeout=5).status != 200:
        raise RuntimeError("not ready")
