"""The driver of tests.interruptions.killed_process, as tests see it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project.config import Settings

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a child ended: minus the signal or the status, and the steps it came to."""

    how: int
    steps: list[str]


@dataclass(frozen=True)
class Doomed:
    """The driver."""

    process: subprocess.Popen[str]

    def __call__(self, order: dict[str, Any], *, kill_at: str | None = None) -> Ended:
        """Have a child do `order`, and die before it takes the step `kill_at`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({**order, "kill_at": kill_at}) + "\n")
        self.process.stdin.flush()
        ended = json.loads(self.process.stdout.readline())
        return Ended(ended["ended"], ended["steps"])


@contextmanager
def driver(settings: Settings) -> Iterator[Doomed]:
    """The driver, in the database and folder of `settings`."""
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "development",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-m", "tests.interruptions.killed_process"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield Doomed(process)
        assert process.stdin is not None
        process.stdin.close()
