"""`./bin/run`: runs the web process, a worker and the scheduler in development mode, until Ctrl-C."""

import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import urllib3
from honcho.manager import Manager
from honcho.printer import Printer

from project.config import InvalidSettings, Settings

_BIN = Path(sys.executable).parent
# honcho returns 130 after SIGINT and 143 after SIGTERM.
_NORMAL_EXITS = (0, 130, 143)


class _Manager(Manager):  # type: ignore[misc]  # honcho is untyped
    """A honcho manager that can be stopped while its processes are starting.

    In honcho 2.0.0, `terminate()` raises KeyError for a process whose id is not known yet, for example after Ctrl-C
    during startup. This class repeats the call until all processes have started.
    https://github.com/nickstenning/honcho/blob/v2.0.0/honcho/manager.py
    """

    def terminate(self) -> None:
        if self._all_started():
            super().terminate()
            return
        retry = threading.Timer(0.1, self.terminate)
        retry.daemon = True
        retry.start()


def main() -> int:
    """Migrate the database and run all processes. Returns the exit status."""
    os.environ.setdefault("APP_ENV", "development")
    os.environ["PYTHONUNBUFFERED"] = "1"
    # Files in DATA_DIR must be readable only by the user who runs this command.
    os.umask(0o077)
    settings = Settings.load()
    _ensure_free(settings.port)
    try:
        return _migrate() or _run(settings)
    except KeyboardInterrupt:  # honcho has not started any process yet; its `loop()` handles the signal itself
        return 0


def _ensure_free(port: int) -> None:
    """Raise InvalidSettings if the port is in use.

    gunicorn would retry for several seconds. In the meantime, the process on that port would be mistaken for ours.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InvalidSettings(f"PORT: cannot listen on port {port}: {error.strerror}") from error


def _migrate() -> int:
    # In a separate session, Ctrl-C does not reach the process: while it imports modules, it would print a traceback.
    command = _command("flask --app wsgi db upgrade")
    return subprocess.run(command, start_new_session=True).returncode  # noqa: S603 - a constant command


def _run(settings: Settings) -> int:
    manager = _Manager(Printer(sys.stdout))
    for name, command in _processes().items():
        manager.add_process(name, "exec " + shlex.join(_command(command)))
    threading.Thread(target=_announce, args=[settings], daemon=True).start()
    manager.loop()
    return 0 if manager.returncode in _NORMAL_EXITS else int(manager.returncode)


def _processes() -> dict[str, str]:
    # Use threads: honcho signals whole process groups, which would interrupt jobs in child processes.
    worker = "celery --app worker.app worker --pool threads --concurrency 2 --loglevel WARNING"
    beat = "celery --app worker.app beat --loglevel WARNING --scheduler celery.beat:Scheduler"
    return {"web": "gunicorn wsgi:app", "worker": worker, "beat": beat}


def _command(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    return [str(_BIN / program), *arguments]


def _announce(settings: Settings) -> None:
    while not _is_ready(f"http://127.0.0.1:{settings.port}"):
        time.sleep(0.1)
    print(  # noqa: T201 - the output of a command
        f"\n  Groundwork is ready.\n\n"
        f"  Start here     {settings.public_url}/\n"
        f"  Documentation  {settings.public_url}/docs\n"
        f"  Mailbox        {settings.public_url}/dev/mail\n\n"
        "  Press Ctrl-C to stop.\n",
        flush=True,
    )


def _is_ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/health/ready", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


if __name__ == "__main__":
    sys.exit(main())
