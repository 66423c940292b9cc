"""Slow clients time out and do not delay other clients. The timeouts are shorter than in production."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from project.server import parser
from project.server.parser import ConnectionReader
from tests.kit.clients.raw_http import (
    REGISTER,
    RawResponse,
    Server,
    chunked,
    gunicorn,
    read_response,
    registration_body,
    request_head,
)

LIVE, FORM = "/health/live", "multipart/form-data; boundary=x"
MALFORMED = (400, "malformed-request")
CONFIG = """
from runpy import run_path

from project.server import parser, sockets, worker

parser.HEAD_TIMEOUT_SECONDS, parser.STALL_TIMEOUT_SECONDS = 1, 1
parser.SLOW_BODY_GRACE_SECONDS, parser.MIN_BYTES_PER_SECOND = 2, 50
worker.LINGER_TIMEOUT_SECONDS, sockets.UNREAD_TIMEOUT_SECONDS = 0.5, 1
globals().update(run_path("gunicorn.conf.py"))
"""


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("gunicorn")
    (folder / "short_timeouts.conf.py").write_text(CONFIG)
    with gunicorn(folder, sqlite_template, "--config", str(folder / "short_timeouts.conf.py")) as server:
        yield server


def trickle(connection: socket.socket, data: bytes, *, size: int, seconds: float) -> None:
    """Send `data` in pieces of `size` bytes, pausing before each; stop early if a response arrives."""
    connection.settimeout(seconds)
    for start in range(0, len(data), size):
        try:
            connection.recv(1, socket.MSG_PEEK)
            break
        except TimeoutError:
            connection.sendall(data[start : start + size])
    connection.settimeout(10)


def send_slowly(
    server: Server, first: bytes, rest: bytes, *, size: int = 1, seconds: float = 0.1
) -> tuple[RawResponse, float]:
    """Send `first` in one piece, then trickle `rest`; return the response and the total time in seconds."""
    with server.connect() as connection:
        started = time.monotonic()
        connection.sendall(first)
        trickle(connection, rest, size=size, seconds=seconds)
        return read_response(connection), time.monotonic() - started


def register(framing: str) -> bytes:
    """Return the head of a registration request; `framing` is the header that frames its body."""
    return request_head("POST", REGISTER, "Content-Type: application/json", framing)


def ensure_served(server: Server) -> None:
    """Ensure that other clients still get their responses quickly."""
    started = time.monotonic()
    for _ in range(5):
        assert server.send_raw(request_head("GET", LIVE)).status == 200
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("rest", [b"", b"X: y\r\n" * 99], ids=["stalled", "byte-by-byte"])
def test_request_head_that_arrives_too_slowly_is_rejected(server: Server, rest: bytes) -> None:
    response, seconds = send_slowly(server, b"GET /health/live HTTP/1.1\r\n", rest)
    assert response.outcome == MALFORMED
    assert response.json["detail"] == "The request head arrived too slowly."
    assert 0.9 < seconds < 3


def test_second_request_on_connection_is_rejected_if_its_head_arrives_too_slowly(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request_head("GET", LIVE) + b"GET ")
        assert read_response(connection).status == 200
        assert read_response(connection).outcome == MALFORMED


def test_idle_connection_is_closed_without_a_response(server: Server) -> None:
    with server.connect() as connection:
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("framing", "first", "rest"),
    [
        ("Content-Length: 999", registration_body(), b""),
        ("Content-Length: 999", b"", b" " * 999),
        ("Transfer-Encoding: chunked", chunked(registration_body()), b""),
        ("Transfer-Encoding: chunked", b"", chunked(*[b" "] * 99)),
    ],
    ids=["stalled", "byte-by-byte", "stalled-chunks", "chunks-byte-by-byte"],
)
def test_body_that_arrives_too_slowly_is_rejected_and_connection_is_closed(
    server: Server, framing: str, first: bytes, rest: bytes
) -> None:
    before = server.count("users")
    response, seconds = send_slowly(server, register(framing) + first, rest)
    assert response.outcome == MALFORMED
    assert (response.json["detail"], response.headers["connection"]) == ("The body arrived too slowly.", "close")
    assert 0.9 < seconds < 4
    assert server.count("users") == before


def test_body_that_arrives_steadily_may_take_longer_than_the_grace_period(server: Server) -> None:
    body = registration_body() + b" " * 300
    response, seconds = send_slowly(server, register(f"Content-Length: {len(body)}"), body, size=14)
    assert response.status == 201
    assert seconds > 2.5


@pytest.mark.parametrize("sent", [b"", b"GET /health/live HTTP/1.1\r\n"], ids=["idle", "slow-head"])
def test_idle_and_slow_connections_do_not_delay_other_clients(server: Server, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(server.connect()).sendall(sent)
        ensure_served(server)


def test_keep_alive_connections_do_not_delay_other_clients(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            connection = stack.enter_context(server.connect())
            connection.sendall(request_head("GET", LIVE))
            assert read_response(connection).status == 200
        ensure_served(server)


def test_clients_that_stay_connected_after_a_rejection_do_not_delay_other_clients(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(server.connect()).sendall(b"garbage\r\n\r\n")
        ensure_served(server)


def test_server_closes_connection_that_stays_open_after_a_rejection(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"garbage\r\n\r\n")
        assert read_response(connection).outcome == MALFORMED
        time.sleep(2)
        # The first send to a closed socket still succeeds. The reset that it triggers makes the next send fail.
        connection.sendall(b"more")
        time.sleep(0.1)
        with pytest.raises(ConnectionError):
            connection.sendall(b"more")


def test_requests_whose_bodies_are_never_sent_do_not_delay_other_clients(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.connect()).sendall(request_head("GET", LIVE, "Content-Length: 100"))
        ensure_served(server)


def test_threads_that_wait_for_slow_bodies_are_released(server: Server) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(4)]
        for connection in connections:
            connection.sendall(register("Content-Length: 999"))
        assert {read_response(connection).outcome for connection in connections} == {MALFORMED}
        ensure_served(server)


def test_threads_that_send_unread_responses_are_released(server: Server) -> None:
    account, content = server.authorization_header(), b"text " * 2_000_000
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + content + b"\r\n--x--\r\n"
    file = server.post("/api/v1/files", FORM, body, account, f"Content-Length: {len(body)}").json
    with ExitStack() as stack:
        # The kernel sends a whole file with sendfile(); the thread sends a range, chunk by chunk.
        for part in ["Accept: */*", "Range: bytes=1-"] * 2:
            connection = stack.enter_context(server.connect())
            connection.sendall(request_head("GET", f"/api/v1/files/{file['id']}/content", account, part))
        time.sleep(2)
        ensure_served(server)
    assert "Traceback" not in server.log()


def test_pauses_in_the_application_do_not_count_against_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "SLOW_BODY_GRACE_SECONDS", 0.05)
    server_socket, client_socket = socket.socketpair()
    with server_socket, client_socket:
        reader = ConnectionReader(server_socket)
        reader.begin_body()
        for _ in range(2):
            time.sleep(0.06)
            client_socket.sendall(b"x")
            assert reader.chunk() == b"x"


def test_idle_connection_does_not_delay_shutdown(sqlite_template: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(gunicorn(tmp_path, sqlite_template))
        idle = server.connect()
        ensure_served(server)
        started = time.monotonic()
        stack.close()
        idle.close()
    assert time.monotonic() - started < 9
