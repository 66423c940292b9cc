"""`./bin/run`: web, worker and scheduler on this machine, in development, until Ctrl-C."""

import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import urllib3
from honcho.manager import Manager
from honcho.printer import Printer

from project.config import Settings

_BIN = Path(sys.executable).parent
# honcho's own words for "ended because it was asked to".
_ENDED_WELL = (0, 130, 143)
_PATIENCE_SECONDS = 60


def main() -> int:
    """Migrate, run everything, and return the exit status."""
    os.environ.setdefault("APP_ENV", "development")
    os.environ["PYTHONUNBUFFERED"] = "1"
    settings = Settings.load()
    subprocess.run(_command("flask --app wsgi db upgrade"), check=True)  # noqa: S603 - our own words
    manager = Manager(Printer(sys.stdout))
    for name, command in _processes(settings).items():
        manager.add_process(name, "exec " + shlex.join(_command(command)))
    threading.Thread(target=_announce, args=[settings], daemon=True).start()
    manager.loop()
    return 0 if manager.returncode in _ENDED_WELL else manager.returncode


def _processes(settings: Settings) -> dict[str, str]:
    # Threads, because honcho signals whole process groups, and would cut off jobs in child processes.
    worker = "celery --app worker.app worker --pool threads --concurrency 2 --loglevel WARNING"
    beat = f"celery --app worker.app beat --loglevel WARNING --schedule {settings.data_dir}/schedule"
    return {"web": "gunicorn wsgi:app", "worker": worker, "beat": beat}


def _command(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    return [str(_BIN / program), *arguments]


def _announce(settings: Settings) -> None:
    local, deadline = f"http://127.0.0.1:{settings.port}", time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if urllib3.request("GET", f"{local}/health/ready", retries=False, timeout=2).status == 200:
                break
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
    print(  # noqa: T201 - this is what the command is for
        f"\n  Groundwork is ready.\n\n"
        f"  Start here     {settings.public_url}/\n"
        f"  Documentation  {settings.public_url}/docs\n"
        f"  Mailbox        {settings.public_url}/dev/mail\n\n"
        "  Ctrl-C stops it.\n",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
