"""A real gunicorn server, and a client that sends it raw bytes over a socket."""

import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.kit.clients.api import PASSWORD
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import running, wait_until

ROOT = Path(__file__).parents[3]
REGISTER = "/api/v1/auth/register"
_numbers = count(1)


@dataclass(frozen=True)
class RawResponse:
    """A parsed response; header names are lowercase."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body if it is JSON, otherwise an empty object."""
        return json.loads(self.body) if "json" in self.headers.get("content-type", "") else {}

    @property
    def outcome(self) -> tuple[int, str | None]:
        """The status and the problem code, which is `None` for a success."""
        return self.status, self.json.get("code")


@dataclass(frozen=True)
class Server:
    """A running gunicorn server and its data folder."""

    port: int
    folder: Path

    def connect(self) -> socket.socket:
        """Open a new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def send_raw(self, request: bytes, *, half_close: bool = False) -> RawResponse:
        """Send `request` on a new connection and return the first response."""
        with self.connect() as connection:
            connection.sendall(request)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return read_response(connection)

    def post(self, path: str, content_type: str, body: bytes, *headers: str, half_close: bool = False) -> RawResponse:
        """Send a `POST` and return the first response. `headers` must declare the body's length or encoding."""
        return self.send_raw(
            request_head("POST", path, f"Content-Type: {content_type}", *headers) + body, half_close=half_close
        )

    def authorization_header(self) -> str:
        """Create an account, log in, and return an `Authorization` header line."""
        account = registration_body()
        length = f"Content-Length: {len(account)}"
        self.post(REGISTER, "application/json", account, length)
        tokens = self.post("/api/v1/auth/login", "application/json", account, length).json
        return f"Authorization: Bearer {tokens['access_token']}"

    def count(self, table: str) -> int:
        """Return the number of rows in `table`."""
        with closing(sqlite3.connect(self.folder / "app.db")) as database:
            return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def objects(self) -> list[Path]:
        """Return the path of each stored object."""
        return [path for path in (self.folder / "files").rglob("*") if path.is_file()]

    def log(self) -> str:
        """Return the complete log."""
        return (self.folder / "log").read_text()

    def events(self, request_id: str) -> list[dict[str, Any]]:
        """Return the log events for one request."""
        lines = [line for line in self.log().splitlines() if request_id in line]
        return [json.loads(line) for line in lines]


@contextmanager
def gunicorn(folder: Path, database: Path, *options: str, **settings: str) -> Iterator[Server]:
    """Run one web process with four threads and a copy of the SQLite file `database`."""
    port = free_port()
    shutil.copy(database, folder / "app.db")
    environment = {"PATH": os.environ["PATH"], "APP_ENV": "development", "PORT": str(port), "DATA_DIR": str(folder)}
    environment |= {"LOG_FORMAT": "json", "WEB_CONCURRENCY": "1", "WEB_THREADS": "4", "RATE_LIMIT_ENABLED": "false"}
    environment |= settings
    command = [Path(sys.executable).with_name("gunicorn"), "wsgi:app", *options]
    with running(command, log=folder / "log", cwd=ROOT, env=environment) as process:
        server = Server(port, folder)
        wait_until(lambda: server.connect().close(), process, log=folder / "log", seconds=20)
        yield server


def read_response(connection: socket.socket) -> RawResponse:
    """Read and return the next response. Data that follows it may be lost in the read buffer."""
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        lines = [line.decode("latin-1").rstrip("\r\n") for line in iter(stream.readline, b"\r\n")]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return RawResponse(status, headers, stream.read(int(headers["content-length"])))


def request_head(method: str, path: str, *headers: str) -> bytes:
    """Return a request head, including the empty line that ends it."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "\r\n"]).encode("latin-1")


def registration_body() -> bytes:
    """Return a request body that registers a new account."""
    return json.dumps({"email": f"framed{next(_numbers)}@example.com", "password": PASSWORD}).encode()


def chunked(*chunks: bytes) -> bytes:
    """Return the chunks in chunked transfer encoding, without the final empty chunk."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
