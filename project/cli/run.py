"""`./bin/run`: web, worker and scheduler on this machine, in development, until Ctrl-C."""

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
# honcho's own words for "ended because it was asked to".
_ENDED_WELL = (0, 130, 143)


class _Manager(Manager):  # type: ignore[misc]  # honcho has no types
    """honcho cannot end a part whose id it was not told yet: asked too early, it must ask again."""

    def terminate(self) -> None:
        if self._all_started():
            super().terminate()
            return
        later = threading.Timer(0.1, self.terminate)
        later.daemon = True
        later.start()


def main() -> int:
    """Migrate, run everything, and return the exit status."""
    os.environ.setdefault("APP_ENV", "development")
    os.environ["PYTHONUNBUFFERED"] = "1"
    # What is kept in DATA_DIR is for whoever runs this alone.
    os.umask(0o077)
    settings = Settings.load()
    _ensure_free(settings.port)
    try:
        if failure := _migrate():
            return failure
    except KeyboardInterrupt:
        return 0
    manager = _Manager(Printer(sys.stdout))
    for name, command in _processes().items():
        manager.add_process(name, "exec " + shlex.join(_command(command)))
    threading.Thread(target=_announce, args=[settings], daemon=True).start()
    manager.loop()
    return 0 if manager.returncode in _ENDED_WELL else manager.returncode


def _ensure_free(port: int) -> None:
    """Web would try for seconds, and meanwhile whoever has the port would be taken for us."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InvalidSettings(f"PORT: {port} cannot be had: {error.strerror}") from error


def _migrate() -> int:
    return subprocess.run(_command("flask --app wsgi db upgrade")).returncode  # noqa: S603 - our own words


def _processes() -> dict[str, str]:
    # Threads, because honcho signals whole process groups, and would cut off jobs in child processes.
    worker = "celery --app worker.app worker --pool threads --concurrency 2 --loglevel WARNING"
    beat = "celery --app worker.app beat --loglevel WARNING --scheduler celery.beat:Scheduler"
    return {"web": "gunicorn wsgi:app", "worker": worker, "beat": beat}


def _command(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    return [str(_BIN / program), *arguments]


def _announce(settings: Settings) -> None:
    while not _is_ready(f"http://127.0.0.1:{settings.port}"):
        time.sleep(0.1)
    print(  # noqa: T201 - this is what the command is for
        f"\n  Groundwork is ready.\n\n"
        f"  Start here     {settings.public_url}/\n"
        f"  Documentation  {settings.public_url}/docs\n"
        f"  Mailbox        {settings.public_url}/dev/mail\n\n"
        "  Ctrl-C stops it.\n",
        flush=True,
    )


def _is_ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/health/ready", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


if __name__ == "__main__":
    sys.exit(main())
