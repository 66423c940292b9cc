"""The Procfile, run in production settings on real services."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.kit.ports import free_port
from tests.kit.process import running, wait_until

ROOT = Path(__file__).parents[2]
_BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Deployment:
    """Where it answers, and the process id of each process by its name in the Procfile."""

    url: str
    pids: dict[str, int]


def production(folder: Path, *, database: str, broker: str, storage: str, mail: str) -> dict[str, str]:
    """An environment that production accepts; `folder` is for what the platform would keep elsewhere."""
    port = free_port()
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "production",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "STORAGE_URL": storage,
        "MAIL_URL": mail,
        "SECRET_KEY": "for tests only and longer than 32 bytes",
        "JWT_KEYS": _new_key(),
        "LOG_FORMAT": "json",
    }


@contextmanager
def deployment(environment: Mapping[str, str], *, folder: Path) -> Iterator[Deployment]:
    """Release, then run every process of the Procfile until the block ends; their logs are in `folder`."""
    commands = procfile()
    subprocess.run(_command(commands.pop("release"), folder), check=True, cwd=ROOT, env=dict(environment))
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_running(name, line, environment, folder)) for name, line in commands.items()
        }
        url = environment["PUBLIC_URL"]
        wait_until(lambda: _ensure_ready(url), processes["web"], log=folder / "web.log", seconds=30)
        yield Deployment(url, {name: process.pid for name, process in processes.items()})


def procfile() -> dict[str, str]:
    """The commands of the Procfile by name."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


@contextmanager
def _running(name: str, line: str, environment: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running(_command(line, folder), log=folder / f"{name}.log", cwd=ROOT, env=dict(environment)) as process:
        yield process


def _command(line: str, folder: Path) -> list[str]:
    program, *arguments = shlex.split(line)
    return [str(_BIN / program), *arguments]


def _ensure_ready(url: str) -> None:
    answer = urllib3.request("GET", f"{url}/health/ready", retries=False, timeout=5)
    if answer.status != 200:
        raise RuntimeError(answer.data.decode())


def _new_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
