"""Runs the Procfile in real processes: two web instances, two workers and a scheduler."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.kit.deployment.programs import ROOT, command, ensure_ready, program
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import wait_until

# Intervals are short enough for tests. Rate limits are off because all test requests come from the same IP.
FAST_SETTINGS = {
    "JOB_REPUBLISH_DELAY_SECONDS": "1",
    "JOB_TIME_LIMIT_SECONDS": "4",
    "JOB_INITIAL_BACKOFF_SECONDS": "1",
    "REPUBLISH_INTERVAL_SECONDS": "1",
    "UPLOAD_TIMEOUT_SECONDS": "5",
    "RATE_LIMIT_ENABLED": "false",
    "WEB_CONCURRENCY": "1",
}
_DEFAULT_SCALE = {"web": 2, "worker": 2, "beat": 1}
_START_SECONDS = 60


@dataclass
class Deployment:
    """Running processes by name, such as `web-1`. Each writes its log to `folder`."""

    environment: dict[str, str]
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """The URL of the first web instance."""
        return self.urls["web-1"]

    def log(self, name: str) -> str:
        """Return the complete log of a process."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start(self, *names: str, **variables: str) -> None:
        """Start processes and wait until they are ready.

        A name, such as `web-1`, is a Procfile process type and a number. `variables` are added to the environment.
        """
        log_lengths = {name: len(self.log(name)) if (self.folder / f"{name}.log").exists() else 0 for name in names}
        for name in names:
            self._start(name, variables)
        for name in names:
            log = self.folder / f"{name}.log"
            wait_until(
                lambda name=name: self._ensure_ready(name, log_lengths[name]),  # type: ignore[misc]
                self.processes[name],
                log=log,
                seconds=_START_SECONDS,
            )

    def restart(self, *names: str) -> None:
        """Restart processes one after the other, as a rolling deployment does. Each first finishes its requests."""
        for name in names:
            self.processes[name].terminate()
            self.processes[name].wait(_START_SECONDS)
            self.start(name)

    def kill(self, name: str) -> None:
        """Kill a process and its children with SIGKILL."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def restart_ended(self) -> None:
        """Restart the processes that have ended and wait until they are ready."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        self.start(*ended)

    def wait_until_ready(self) -> None:
        """Wait until every web instance reports that it is ready."""
        for name, url in self.urls.items():
            log = self.folder / f"{name}.log"
            wait_until(lambda url=url: ensure_ready(url), self.processes[name], log=log, seconds=20)  # type: ignore[misc]

    def _start(self, name: str, variables: dict[str, str]) -> None:
        process_type = name.partition("-")[0]
        environment = {**self.environment, **variables}
        if process_type == "web" and name not in self.urls:
            port = self.environment["PORT"] if name == "web-1" else str(free_port())
            self.urls[name] = f"http://127.0.0.1:{port}"
        if process_type == "web":
            environment["PORT"] = self.urls[name].rpartition(":")[2]
        log, line = self.folder / f"{name}.log", procfile()[process_type]
        self.processes[name] = self._stack.enter_context(program(line, log=log, environment=environment))

    def _ensure_ready(self, name: str, log_length: int) -> None:
        if name in self.urls:
            ensure_ready(self.urls[name])
        elif name.startswith("worker") and " ready." not in self.log(name)[log_length:]:
            raise RuntimeError("not ready")


@contextmanager
def deployment(environment: Mapping[str, str], *, folder: Path, **scale: int) -> Iterator[Deployment]:
    """Run the release command, then the processes in the Procfile until the `with` block exits.

    `scale` overrides the number of processes per type.
    """
    subprocess.run(command(procfile()["release"]), check=True, cwd=ROOT, env=dict(environment))
    counts = {**_DEFAULT_SCALE, **scale}
    with ExitStack() as stack:
        running = Deployment(dict(environment), folder, _stack=stack)
        running.start(
            *[f"{process_type}-{number + 1}" for process_type, count in counts.items() for number in range(count)]
        )
        yield running
        # A graceful shutdown takes seconds per process, and the state is discarded anyway.
        for process in running.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def production_environment(folder: Path, *, database: str, broker: str, storage: str, mail: str) -> dict[str, str]:
    """Return environment variables that pass the production checks. `folder` is the DATA_DIR."""
    return {
        **_shared_settings(folder),
        "APP_ENV": "production",
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "STORAGE_URL": storage,
        "MAIL_URL": mail,
        "SECRET_KEY": "for tests only and longer than 32 bytes",
        "JWT_KEYS": new_signing_key(),
    }


def local_environment(folder: Path) -> dict[str, str]:
    """Return environment variables for local backends: SQLite, storage, broker and mailbox are in `folder`."""
    return {**_shared_settings(folder), "APP_ENV": "development"}


def _shared_settings(folder: Path) -> dict[str, str]:
    port = free_port()
    address = {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    return {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "LOG_FORMAT": "json", **address}


def procfile() -> dict[str, str]:
    """Return the command lines in the Procfile by process type."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {process_type: command.strip() for process_type, _, command in (line.partition(":") for line in lines)}


def new_signing_key() -> str:
    """Return a new private key for JWT_KEYS."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
