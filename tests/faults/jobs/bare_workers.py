"""Workers and schedulers without a web process, for jobs that tests insert with SQL."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from tests.kit.deployment.processes import FAST_SETTINGS, procfile, production_environment
from tests.kit.deployment.programs import ROOT, command, program
from tests.kit.servers.process import eventually

_TABLES: LiteralString = "CREATE TABLE effects (number int PRIMARY KEY); CREATE TABLE runs (number int)"
_JOBS: LiteralString = """
INSERT INTO jobs (id, name, arguments, status, attempts, due_at, publish_at, created_at, updated_at)
SELECT gen_random_uuid(), 'kit.effect', json_build_object('number', n), 'queued', 0, now(), now(), now(), now()
FROM generate_series(1, %s) AS n
"""


@dataclass(frozen=True)
class JobProcesses:
    """Starts workers and schedulers with the same environment. Each process writes its log to `folder`."""

    environment: dict[str, str]
    folder: Path
    queues: str = "kit,worker,invitations"
    """The queues that the workers consume."""

    @contextmanager
    def running(self, *names: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
        """Run processes named by Procfile type and number, such as `worker-1`; yield them once workers are ready."""
        with ExitStack() as stack:
            started = {name: stack.enter_context(self.start(name)) for name in names}
            for name in started:
                if name.startswith("worker"):
                    self.wait_until_ready(name)
            yield started
            # Kill the processes: a graceful shutdown takes seconds per process, and the state is discarded anyway.
            for process in started.values():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    @contextmanager
    def start(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a process without waiting until it is ready, which may take seconds."""
        process_type = name.partition("-")[0]
        line, log = procfile()[process_type], self.folder / f"{name}.log"
        if process_type == "worker":
            line += f" --include tests.kit.fixtures.product_jobs --queues {self.queues}"
        with program(line, log=log, environment=self.environment) as process:
            yield process

    def wait_until_ready(self, worker: str, *, log_length: int = 0) -> None:
        """Wait until a worker logs that it is ready, ignoring the first `log_length` characters of its log."""
        eventually(lambda: " ready." in self.log(worker)[log_length:], 120)

    def log(self, name: str) -> str:
        """Return the complete log of a process."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def rows(self, statement: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows, if any."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def add_jobs(self, number: int) -> None:
        """Insert `number` queued jobs without publishing them."""
        self.rows(_JOBS, number)

    def count_jobs(self, condition: LiteralString) -> int:
        """Return the number of inserted jobs that match an SQL condition."""
        return int(self.rows("SELECT count(*) FROM jobs WHERE name = 'kit.effect' AND " + condition)[0][0])


def prepare_job_processes(folder: Path, *, database: str, broker: str) -> JobProcesses:
    """Migrate the database and return processes with production settings but without storage and mail."""
    unavailable = {"storage": "s3://key:secret@127.0.0.1:9/objects", "mail": "smtp://127.0.0.1:9"}
    environment = production_environment(folder, database=database, broker=broker, **unavailable)
    subprocess.run(command(procfile()["release"]), check=True, cwd=ROOT, env=environment, capture_output=True)
    prepared = JobProcesses({**environment, **FAST_SETTINGS}, folder)
    prepared.rows(_TABLES)
    return prepared
