"""The Procfile in real processes: two web instances, two workers and a scheduler."""

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

# Bounds that tests can wait for. What they send comes from one address, and is more than one address may.
IMPATIENT = {
    "JOB_REPUBLISH_DELAY_SECONDS": "1",
    "JOB_TIME_LIMIT_SECONDS": "4",
    "JOB_INITIAL_BACKOFF_SECONDS": "1",
    "REPUBLISH_INTERVAL_SECONDS": "1",
    "UPLOAD_TIMEOUT_SECONDS": "5",
    "RATE_LIMIT_ENABLED": "false",
    "WEB_CONCURRENCY": "1",
}
_TWO_OF_EACH = {"web": 2, "worker": 2, "beat": 1}
_START_SECONDS = 60


@dataclass
class Deployment:
    """Running processes, by names such as `web-1`; the log of each is in `folder`."""

    environment: dict[str, str]
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """Where the first web instance answers."""
        return self.urls["web-1"]

    def log(self, name: str) -> str:
        """All that a process has logged."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start(self, *names: str, **more: str) -> None:
        """Start processes, each called by its name in the Procfile and a number, and return when they are at work.

        `more` are environment variables for them alone.
        """
        heard = {name: len(self.log(name)) if (self.folder / f"{name}.log").exists() else 0 for name in names}
        for name in names:
            self._start(name, more)
        for name in names:
            log = self.folder / f"{name}.log"
            wait_until(
                lambda name=name: self._ensure_at_work(name, heard[name]),  # type: ignore[misc]
                self.processes[name],
                log=log,
                seconds=_START_SECONDS,
            )

    def kill(self, name: str) -> None:
        """Kill a process and all that it has started."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def revive(self) -> None:
        """Start again whatever has ended, and return when everything is at work."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        self.start(*ended)

    def ensure_ready(self) -> None:
        """Return once every web instance can serve."""
        for name, url in self.urls.items():
            log = self.folder / f"{name}.log"
            wait_until(lambda url=url: ensure_ready(url), self.processes[name], log=log, seconds=20)  # type: ignore[misc]

    def _start(self, name: str, more: dict[str, str]) -> None:
        kind = name.partition("-")[0]
        environment = {**self.environment, **more}
        if kind == "web" and name not in self.urls:
            port = self.environment["PORT"] if name == "web-1" else str(free_port())
            self.urls[name] = f"http://127.0.0.1:{port}"
        if kind == "web":
            environment["PORT"] = self.urls[name].rpartition(":")[2]
        log = self.folder / f"{name}.log"
        self.processes[name] = self._stack.enter_context(program(procfile()[kind], log=log, environment=environment))

    def _ensure_at_work(self, name: str, heard: int) -> None:
        if name in self.urls:
            ensure_ready(self.urls[name])
        elif name.startswith("worker") and " ready." not in self.log(name)[heard:]:
            raise RuntimeError("not ready")


@contextmanager
def deployment(environment: Mapping[str, str], *, folder: Path, **numbers: int) -> Iterator[Deployment]:
    """Release, then run the Procfile until the block ends; `numbers` say how many of a kind, unless it is the usual."""
    subprocess.run(command(procfile()["release"]), check=True, cwd=ROOT, env=dict(environment))
    wanted = {**_TWO_OF_EACH, **numbers}
    with ExitStack() as stack:
        running = Deployment(dict(environment), folder, _stack=stack)
        running.start(*[f"{kind}-{number + 1}" for kind, size in wanted.items() for number in range(size)])
        yield running
        # What they keep is thrown away, so nobody needs to end in order, which takes seconds each.
        for process in running.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def production(folder: Path, *, database: str, broker: str, storage: str, mail: str) -> dict[str, str]:
    """An environment that production accepts; `folder` is for what the platform would keep elsewhere."""
    return {
        **_anywhere(folder),
        "APP_ENV": "production",
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "STORAGE_URL": storage,
        "MAIL_URL": mail,
        "SECRET_KEY": "for tests only and longer than 32 bytes",
        "JWT_KEYS": _new_key(),
    }


def embedded(folder: Path) -> dict[str, str]:
    """An environment with every part embedded: SQLite, files, broker and mailbox are in `folder`."""
    return {**_anywhere(folder), "APP_ENV": "development"}


def _anywhere(folder: Path) -> dict[str, str]:
    port = free_port()
    address = {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    return {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "LOG_FORMAT": "json", **address}


def procfile() -> dict[str, str]:
    """The commands of the Procfile by name."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def _new_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
