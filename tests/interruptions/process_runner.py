"""The client of `tests.interruptions.killed_process`: starts the program and sends it operations."""

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
class Result:
    """How a child process ended, and the steps that it reached.

    `exit_code` is negative if a signal killed the process. If the operation failed, the last step contains the error.
    """

    exit_code: int
    steps: list[str]


@dataclass(frozen=True)
class ProcessRunner:
    """Runs each operation in a new child process."""

    process: subprocess.Popen[str]

    def __call__(self, operation: dict[str, Any], *, kill_at: str | None = None) -> Result:
        """Run an operation in a child process, which is killed before it takes the step `kill_at`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({**operation, "kill_at": kill_at}) + "\n")
        self.process.stdin.flush()
        result = json.loads(self.process.stdout.readline())
        return Result(result["exit_code"], result["steps"])


@contextmanager
def process_runner(settings: Settings) -> Iterator[ProcessRunner]:
    """Start the program with the database and data folder of `settings`."""
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "development",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-m", "tests.interruptions.killed_process"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield ProcessRunner(process)
        assert process.stdin is not None
        process.stdin.close()
