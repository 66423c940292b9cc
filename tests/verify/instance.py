"""A private instance of the platform, started like `./bin/run`, with its own data folder."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import urllib3

from tests.kit.servers.ports import free_port
from tests.verify.checks import Failed, expect

COMMAND = (sys.executable, "-m", "project.cli.run")
_ROOT = Path(__file__).parents[2]
_START_SECONDS, _STOP_SECONDS = 60, 30
_TAIL_LINES = 25


class Instance:
    """A web server, worker and scheduler with local backends. `settings` are additional environment variables."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="groundwork-verify-"))
        self.log = self.folder / "log"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._settings = {"APP_ENV": "development", "PORT": str(port), **settings}
        self._settings["DATA_DIR"] = str(self.folder / "data")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the instance and wait until it is ready. Raises Failed if it exits or is not ready in time."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=_ROOT,
                env=_environment() | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal must reach only this process, which then stops the instance.
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise Failed("start", "a running instance", f"an exit with status {self._process.returncode}")
            if time.monotonic() > deadline:
                raise Failed("start", f"an instance that is ready within {_START_SECONDS} s", "one that is not")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the instance as Ctrl-C does.

        Raises Failed if it had already exited, does not exit in time, exits with an error, or leaves processes behind.
        """
        assert self._process is not None
        if self._process.poll() is not None:
            raise Failed("stop", "a running instance", f"one that had exited with status {self._process.returncode}")
        self._process.send_signal(signal.SIGINT)
        try:
            status = self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed("stop", f"an exit within {_STOP_SECONDS} s", "no exit") from None
        expect("stop: exit status", 0, status)
        expect("stop: remaining processes", "none", ", ".join(map(_command_line, self.remaining_processes())) or "none")

    def tail(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])

    def clear(self, *, keep_log: bool) -> None:
        """Kill all remaining processes and delete the data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        while orphans := self.remaining_processes():
            for pid in orphans:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        shutil.rmtree(self.folder / "data" if keep_log else self.folder, ignore_errors=True)

    def _is_ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/health/ready", retries=False, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def remaining_processes(self) -> list[int]:
        """Return the ids of remaining processes, found by the DATA_DIR in their environment. Works only on Linux."""
        variable = f"DATA_DIR={self._settings['DATA_DIR']}\0".encode()
        return [int(each.parent.name) for each in Path("/proc").glob("[0-9]*/environ") if variable in _read(each)]


def _environment() -> dict[str, str]:
    """Return the environment without settings, so that the instance never uses a DATABASE_URL set in the shell."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _command_line(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode(errors="replace").strip()
