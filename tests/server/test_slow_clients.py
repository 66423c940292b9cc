"""Slow clients: refused in time, and in nobody's way. The server of these tests has less patience than the real one."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from project.server import parser
from project.server.parser import HeadReader
from tests.kit.clients.raw_http import REGISTER, Answer, Server, answer, chunked, gunicorn, head, registration

LIVE, FORM = "/health/live", "multipart/form-data; boundary=x"
MALFORMED = (400, "malformed-request")
IMPATIENT = """
from runpy import run_path

from project.http import parser, server

parser.HEAD_SECONDS, parser.STALL_SECONDS, parser.GRACE_SECONDS, parser.LEAST_BYTES_PER_SECOND = 1, 1, 2, 50
server.LINGER_SECONDS, server.UNREAD_SECONDS = 0.5, 1
globals().update(run_path("gunicorn.conf.py"))
"""


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("impatient")
    (folder / "impatient.conf.py").write_text(IMPATIENT)
    with gunicorn(folder, sqlite_template, "--config", str(folder / "impatient.conf.py")) as server:
        yield server


def trickle(connection: socket.socket, data: bytes, *, size: int, seconds: float) -> None:
    """Send `data` in pieces with a pause before each, until it is sent or an answer comes."""
    connection.settimeout(seconds)
    for start in range(0, len(data), size):
        try:
            connection.recv(1, socket.MSG_PEEK)
            break
        except TimeoutError:
            connection.sendall(data[start : start + size])
    connection.settimeout(10)


def slowly(server: Server, first: bytes, rest: bytes, *, size: int = 1, seconds: float = 0.1) -> tuple[Answer, float]:
    """The answer to `first` and then `rest` in pieces, and after how many seconds it came."""
    with server.connect() as connection:
        began = time.monotonic()
        connection.sendall(first)
        trickle(connection, rest, size=size, seconds=seconds)
        return answer(connection), time.monotonic() - began


def register(framing: str) -> bytes:
    """The head of a registration with such a body."""
    return head("POST", REGISTER, "Content-Type: application/json", framing)


def ensure_served(server: Server) -> None:
    """Others are answered at once."""
    began = time.monotonic()
    for _ in range(5):
        assert server.ask(head("GET", LIVE)).status == 200
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("rest", [b"", b"X: y\r\n" * 99], ids=["stalled", "byte by byte"])
def test_slow_head_is_refused(server: Server, rest: bytes) -> None:
    refusal, seconds = slowly(server, b"GET /health/live HTTP/1.1\r\n", rest)
    assert refusal.outcome == MALFORMED
    assert refusal.json["detail"] == "The request head arrived too slowly."
    assert 0.9 < seconds < 3


def test_slow_head_of_a_later_request_is_refused(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(head("GET", LIVE) + b"GET ")
        assert answer(connection).status == 200
        assert answer(connection).outcome == MALFORMED


def test_silent_connection_is_closed_without_a_word(server: Server) -> None:
    with server.connect() as connection:
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("framing", "first", "rest"),
    [
        ("Content-Length: 999", registration(), b""),
        ("Content-Length: 999", b"", b" " * 999),
        ("Transfer-Encoding: chunked", chunked(registration()), b""),
        ("Transfer-Encoding: chunked", b"", chunked(*[b" "] * 99)),
    ],
    ids=["stalled", "byte by byte", "stalled chunks", "chunks byte by byte"],
)
def test_slow_body_is_refused_and_the_connection_closed(
    server: Server, framing: str, first: bytes, rest: bytes
) -> None:
    before = server.count("users")
    refusal, seconds = slowly(server, register(framing) + first, rest)
    assert refusal.outcome == MALFORMED
    assert (refusal.json["detail"], refusal.headers["connection"]) == ("The body arrived too slowly.", "close")
    assert 0.9 < seconds < 4
    assert server.count("users") == before


def test_steady_body_may_take_long(server: Server) -> None:
    body = registration() + b" " * 300
    taken, seconds = slowly(server, register(f"Content-Length: {len(body)}"), body, size=14)
    assert taken.status == 201
    assert seconds > 2.5


@pytest.mark.parametrize("said", [b"", b"GET /health/live HTTP/1.1\r\n"], ids=["idle", "slow heads"])
def test_waiting_connections_are_in_nobodys_way(server: Server, said: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(server.connect()).sendall(said)
        ensure_served(server)


def test_kept_connections_are_in_nobodys_way(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            connection = stack.enter_context(server.connect())
            connection.sendall(head("GET", LIVE))
            assert answer(connection).status == 200
        ensure_served(server)


def test_clients_that_do_not_close_are_in_nobodys_way(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(server.connect()).sendall(b"garbage\r\n\r\n")
        ensure_served(server)


def test_client_that_does_not_close_is_left(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"garbage\r\n\r\n")
        assert answer(connection).outcome == MALFORMED
        time.sleep(2)
        # Only the first bytes to a closed end go through: they are what tells us.
        connection.sendall(b"more")
        time.sleep(0.1)
        with pytest.raises(ConnectionError):
            connection.sendall(b"more")


def test_bodies_that_nobody_wants_are_in_nobodys_way(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.connect()).sendall(head("GET", LIVE, "Content-Length: 100"))
        ensure_served(server)


def test_threads_are_free_again_after_slow_bodies(server: Server) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(4)]
        for connection in connections:
            connection.sendall(register("Content-Length: 999"))
        assert {answer(connection).outcome for connection in connections} == {MALFORMED}
        ensure_served(server)


def test_threads_are_free_again_after_answers_that_nobody_reads(server: Server) -> None:
    account, content = server.signed_in(), b"text " * 2_000_000
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + content + b"\r\n--x--\r\n"
    file = server.post("/api/v1/files", FORM, body, account, f"Content-Length: {len(body)}").json
    with ExitStack() as stack:
        # The kernel sends a whole file by itself, and a part of one goes through our hands.
        for part in ["Accept: */*", "Range: bytes=1-"] * 2:
            connection = stack.enter_context(server.connect())
            connection.sendall(head("GET", f"/api/v1/files/{file['id']}/content", account, part))
        time.sleep(2)
        ensure_served(server)
    assert "Traceback" not in server.log()


def test_time_in_which_nobody_reads_is_not_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "GRACE_SECONDS", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader = HeadReader(ours)
        reader.begin_body()
        for _ in range(2):
            time.sleep(0.06)
            theirs.sendall(b"x")
            assert reader.chunk() == b"x"


def test_idle_connection_does_not_delay_the_stop(sqlite_template: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(gunicorn(tmp_path, sqlite_template))
        idle = server.connect()
        ensure_served(server)
        began = time.monotonic()
        stack.close()
        idle.close()
    assert time.monotonic() - began < 9
