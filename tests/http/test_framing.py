"""Bodies that are framed wrongly, sent byte by byte to a real gunicorn: refused, and nothing comes of them."""

import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.kit.api import PASSWORD
from tests.kit.ports import free_port
from tests.kit.process import running, wait_until

ROOT = Path(__file__).parents[2]
REGISTER, UPLOAD = "/api/v1/auth/register", "/api/v1/files"
FORM = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n'
_numbers = count(1)


@dataclass(frozen=True)
class Server:
    """A running gunicorn and its data folder."""

    port: int
    folder: Path

    def send(self, path: str, content_type: str, body: bytes, *headers: str, half_close: bool = False) -> Any:
        """Status and problem code (None of a success) of what is answered first, and how much followed it."""
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", *headers, "\r\n"]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall("\r\n".join(lines).encode() + body)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return _answer(connection)

    def signed_in(self) -> str:
        """An `Authorization` header of a new account."""
        account = registration()
        self.send(REGISTER, "application/json", account, f"Content-Length: {len(account)}", "Connection: close")
        body = self.send("/api/v1/auth/login", "application/json", account, f"Content-Length: {len(account)}")
        return f"Authorization: Bearer {body[2]['access_token']}"

    def count(self, table: str) -> int:
        """The number of rows in `table`."""
        with closing(sqlite3.connect(self.folder / "app.db")) as database:
            return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def objects(self) -> list[Path]:
        """Everything in the store."""
        return [path for path in (self.folder / "files").rglob("*") if path.is_file()]


def _answer(connection: socket.socket) -> tuple[int, str | None, Any]:
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = dict(line.decode().lower().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
        body = stream.read(int(headers.get("content-length\r\n", headers["content-length"])))
    content = json.loads(body) if "json" in headers["content-type"] else {}
    return status, content.get("code"), content


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port)).close()


def registration() -> bytes:
    """A body that makes an account."""
    return json.dumps({"email": f"framed{next(_numbers)}@example.com", "password": PASSWORD}).encode()


def chunked(*chunks: bytes) -> bytes:
    """The body in chunks, without the last, empty one."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("gunicorn"), free_port()
    shutil.copy(sqlite_template, folder / "app.db")
    environment = {"PATH": os.environ["PATH"], "APP_ENV": "development", "PORT": str(port), "DATA_DIR": str(folder)}
    command = [Path(sys.executable).with_name("gunicorn"), "wsgi:app", "--workers", "1"]
    with running(command, log=folder / "log", cwd=ROOT, env=environment) as process:
        wait_until(lambda: _connect(port), process, log=folder / "log", seconds=20)
        yield Server(port, folder)


def test_body_shorter_than_its_length_is_refused_and_makes_no_row(server: Server) -> None:
    body, before = registration(), server.count("users")
    answer = server.send(REGISTER, "application/json", body, f"Content-Length: {len(body) + 9}", half_close=True)
    assert answer[:2] == (400, "malformed-request")
    assert server.count("users") == before


def test_body_whose_sender_leaves_makes_no_row(server: Server) -> None:
    body, before = registration(), server.count("users")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"POST {REGISTER} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode())
        connection.sendall(b"Content-Length: 500\r\n\r\n" + body)
    server.signed_in()
    assert server.count("users") == before + 1


def test_body_in_chunks_is_taken(server: Server) -> None:
    body = registration()
    chunks = chunked(body[:10], body[10:11], body[11:]) + b"0\r\n\r\n"
    assert server.send(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked")[0] == 201


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}x\r\n0\r\n\r\n",
        b"2\r\n{",
        b"2\r\n{}\r\n",
        b"",
    ],
)
def test_bad_chunk_is_refused(server: Server, chunks: bytes) -> None:
    answer = server.send(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked", half_close=True)
    assert answer[:2] == (400, "malformed-request")


def test_whole_json_without_the_last_chunk_is_refused_and_makes_no_row(server: Server) -> None:
    before = server.count("users")
    chunks = chunked(registration())
    answer = server.send(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked", half_close=True)
    assert answer[:2] == (400, "malformed-request")
    assert server.count("users") == before


def test_chunks_over_the_limit_are_too_large(server: Server) -> None:
    body = registration()[:-1] + b" " * 1_000_000 + b"}"
    chunks = chunked(*(body[start : start + 9000] for start in range(0, len(body), 9000))) + b"0\r\n\r\n"
    answer = server.send(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked")
    assert answer[:2] == (413, "payload-too-large")


@pytest.mark.parametrize(
    "length",
    [
        "Transfer-Encoding: chunked\r\nContent-Length: 9",
        "Content-Length: 2\r\nContent-Length: 3",
    ],
)
def test_two_lengths_are_refused(server: Server, length: str) -> None:
    before = server.count("users")
    assert server.send(REGISTER, "application/json", chunked(registration()) + b"0\r\n\r\n", length)[0] == 400
    assert server.count("users") == before


def test_bytes_behind_the_body_have_no_effect(server: Server) -> None:
    body, before = registration(), server.count("users")
    length = f"Content-Length: {len(body)}"
    assert server.send(REGISTER, "application/json", body + registration(), length)[0] == 201
    assert server.count("users") == before + 1


def test_upload_in_chunks_is_taken(server: Server) -> None:
    chunks = chunked(PART[:30], PART[30:], b"--x--\r\n") + b"0\r\n\r\n"
    answer = server.send(UPLOAD, FORM, chunks, server.signed_in(), "Transfer-Encoding: chunked")
    assert (answer[0], answer[2]["size"]) == (201, 5)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"", "Content-Length: 0"),
        (PART, f"Content-Length: {len(PART)}"),
        (PART + b"--x", f"Content-Length: {len(PART) + 3}"),
        (PART + b"--x--\r\n", f"Content-Length: {len(PART) + 99}"),
        (chunked(PART), "Transfer-Encoding: chunked"),
        (chunked(PART) + b"zz\r\n", "Transfer-Encoding: chunked"),
        (chunked(PART) + b"0\r\n\r\n", "Transfer-Encoding: chunked"),
    ],
    ids=[
        "empty",
        "no closing boundary",
        "half of it",
        "short",
        "cut off",
        "bad chunk",
        "unclosed in chunks",
    ],
)
def test_damaged_upload_leaves_nothing(server: Server, body: bytes, header: str) -> None:
    before = server.count("files"), server.objects()
    answer = server.send(UPLOAD, FORM, body, server.signed_in(), header, half_close=True)
    assert answer[:2] == (400, "malformed-request")
    assert (server.count("files"), server.objects()) == before
