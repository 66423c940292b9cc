"""A private instance of the whole platform, as `./bin/run` starts it, with data of its own."""

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
    """Web, worker and scheduler on embedded parts; `settings` are further environment variables."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="groundwork-verify-"))
        self.log = self.folder / "log"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._settings = {"APP_ENV": "development", "PORT": str(port), **settings}
        self._settings["DATA_DIR"] = str(self.folder / "data")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it is ready. Raises Failed."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=_ROOT,
                env=_plain_environment() | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for us, and we stop it.
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise Failed("start", "an instance that serves", f"its end, with {self._process.returncode}")
            if time.monotonic() > deadline:
                raise Failed("start", f"readiness within {_START_SECONDS} s", "none")
            time.sleep(0.1)

    def stop(self) -> None:
        """Interrupt it, as Ctrl-C does. Raises Failed unless it ends well, and all of it."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise Failed("stop", "a running instance", f"that it had ended, with {self._process.returncode}")
        self._process.send_signal(signal.SIGINT)
        try:
            status = self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed("stop", f"the end within {_STOP_SECONDS} s", "it still running") from None
        expect("stop: exit status", 0, status)
        expect("stop: processes left behind", "none", ", ".join(map(_name, self.left_behind())) or "none")

    def tail(self) -> str:
        """Its last words."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])

    def clear(self, *, keep_log: bool) -> None:
        """End whatever is still there, and take its data away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        while orphans := self.left_behind():
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

    def left_behind(self) -> list[int]:
        """Processes that were started with our DATA_DIR; only Linux tells."""
        mark = f"DATA_DIR={self._settings['DATA_DIR']}\0".encode()
        return [int(each.parent.name) for each in Path("/proc").glob("[0-9]*/environ") if mark in _read(each)]


def _plain_environment() -> dict[str, str]:
    """Ours without any setting: a DATABASE_URL of the shell must not be written to."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _name(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode(errors="replace").strip()
