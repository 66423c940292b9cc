"""Workers and schedulers without a web: for jobs that are put into their table by SQL."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from tests.kit.deployment.processes import IMPATIENT, procfile, production
from tests.kit.deployment.programs import ROOT, command, program
from tests.kit.servers.process import eventually

_TABLES: LiteralString = "CREATE TABLE effects (number int PRIMARY KEY); CREATE TABLE runs (number int)"
_JOBS: LiteralString = """
INSERT INTO jobs (id, name, arguments, status, attempts, due_at, publish_at, created_at, updated_at)
SELECT gen_random_uuid(), 'kit.effect', json_build_object('number', n), 'queued', 0, now(), now(), now(), now()
FROM generate_series(1, %s) AS n
"""


@dataclass(frozen=True)
class Workshop:
    """Where they run; each has a log in `folder`."""

    environment: dict[str, str]
    folder: Path
    queues: str = "kit,worker,invitations"
    """What the workers take from."""

    @contextmanager
    def running(self, *names: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
        """Processes, called by their name in the Procfile and a number; the workers are at work."""
        with ExitStack() as stack:
            started = {name: stack.enter_context(self.one(name)) for name in names}
            for name in started:
                if name.startswith("worker"):
                    self.wait_for(name)
            yield started
            # They end in order in seconds each, and nothing of them is kept.
            for process in started.values():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    @contextmanager
    def one(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """One of them; it may need seconds to start."""
        kind = name.partition("-")[0]
        more = f" --include tests.kit.fixtures.product_jobs --queues {self.queues}" if kind == "worker" else ""
        with program(procfile()[kind] + more, log=self.folder / f"{name}.log", environment=self.environment) as process:
            yield process

    def wait_for(self, worker: str, *, heard: int = 0) -> None:
        """Return when a worker is at work, as the end of its log says."""
        eventually(lambda: " ready." in self.log(worker)[heard:], 120)

    def log(self, name: str) -> str:
        """All that a process has logged."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def rows(self, statement: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            answer = connection.execute(statement, values or None)
            return answer.fetchall() if answer.description else []

    def add_jobs(self, number: int) -> None:
        """Jobs that are to be done, and that nobody was told of."""
        self.rows(_JOBS, number)

    def count(self, condition: LiteralString) -> int:
        """How many of the jobs there are."""
        return int(self.rows("SELECT count(*) FROM jobs WHERE name = 'kit.effect' AND " + condition)[0][0])


def workshop(folder: Path, *, database: str, broker: str) -> Workshop:
    """In production settings, its database migrated. Nothing is stored or mailed."""
    nowhere = {"storage": "s3://key:secret@127.0.0.1:9/objects", "mail": "smtp://127.0.0.1:9"}
    environment = production(folder, database=database, broker=broker, **nowhere)
    subprocess.run(command(procfile()["release"]), check=True, cwd=ROOT, env=environment, capture_output=True)
    made = Workshop({**environment, **IMPATIENT}, folder)
    made.rows(_TABLES)
    return made
