"""Connections that stay open across requests, and the response if code outside the application fails."""

import json
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask import Flask
from gunicorn.config import Config

from project.app import create_app
from project.config import Settings
from project.server.worker import Worker
from tests.kit.clients.raw_http import Server, gunicorn, read_response, request_head

LIVE = "/health/live"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("size", [1, 7, 60])
def test_request_head_may_arrive_in_pieces(server: Server, size: int) -> None:
    request = b"\r\n" + request_head("GET", LIVE)
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(request), size):
            connection.sendall(request[start : start + size])
        assert read_response(connection).status == 200


def test_connection_is_kept_open_for_the_next_request(server: Server) -> None:
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(request_head("GET", LIVE))
            assert read_response(connection).status == 200


def test_pipelined_requests_are_processed_in_order(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(
            request_head("GET", LIVE) + request_head("GET", "/nowhere") + request_head("GET", LIVE, "Connection: close")
        )
        with connection.makefile("rb") as stream:
            statuses = [line.split()[1] for line in stream if line.startswith(b"HTTP/1.1")]
    assert statuses == [b"200", b"404", b"200"]


UPLOAD = ("POST", "/api/v1/files", "Content-Type: multipart/form-data; boundary=x", "Authorization: Bearer expired")


@pytest.mark.parametrize(
    ("head", "body", "connection"),
    [
        (request_head("POST", "/nowhere", "Content-Length: 2"), b"{}", "keep-alive"),
        (request_head("POST", "/nowhere", "Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n", "keep-alive"),
        (request_head(*UPLOAD, "Content-Length: 60000"), b"x" * 60_000, "keep-alive"),
        (request_head(*UPLOAD, "Content-Length: 200000"), b"x" * 200_000, "close"),
        (request_head(*UPLOAD, "Content-Length: 60000"), b"x", "close"),
        (request_head(*UPLOAD, "Transfer-Encoding: chunked"), b"1\r\nx\r\n", "close"),
    ],
    ids=["small", "chunked", "medium", "large", "incomplete", "incomplete chunked"],
)
def test_response_before_body_was_read_announces_whether_connection_closes(
    server: Server, head: bytes, body: bytes, connection: str
) -> None:
    with server.connect() as client:
        client.sendall(head + body)
        response = read_response(client)
        assert (response.headers["connection"], response.status) == (connection, 404 if b"nowhere" in head else 401)
        if connection == "close":
            assert client.recv(1) == b""
        else:
            client.sendall(request_head("GET", LIVE))
            assert read_response(client).status == 200


@pytest.mark.full
def test_idle_connection_is_closed_after_keepalive_seconds(sqlite_template: Path, tmp_path: Path) -> None:
    with gunicorn(tmp_path, sqlite_template, KEEPALIVE_SECONDS="1") as server, server.connect() as client:
        client.sendall(request_head("GET", LIVE))
        began = time.monotonic()
        assert read_response(client).headers["connection"] == "keep-alive"
        assert client.recv(1) == b""
        assert time.monotonic() - began >= 1


def error_response(app: Flask, exception: Exception) -> bytes:
    """Return the bytes that a worker serving `app` sends when it handles `exception`."""
    worker = Worker(0, 0, [], None, 30, Config(), None)
    worker.wsgi = app
    server_socket, client_socket = socket.socketpair()
    with server_socket, client_socket, closing(worker.tmp):
        worker.handle_error(None, server_socket, None, exception)
        server_socket.close()
        return b"".join(iter(lambda: client_socket.recv(65536), b""))


@ON_SQLITE
def test_response_to_error_outside_the_application_has_problem_details(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(settings.model_copy(update={"log_format": "json"}))
    fields, _, body = error_response(app, RuntimeError("internal detail")).partition(b"\r\n\r\n")
    events = {event["event"]: event for event in map(json.loads, capsys.readouterr().err.splitlines())}
    assert fields.startswith(b"HTTP/1.1 500 ")
    assert (json.loads(body)["code"], b"internal detail" in body) == ("internal-error", False)
    assert events["request"]["problem"] == "internal-error"
    assert events["request.failed"]["exception"][0]["exc_value"] == "internal detail"


@ON_SQLITE
@pytest.mark.parametrize(("url", "sent"), [("https://api.example.com", True), ("http://localhost:8000", False)])
def test_strict_transport_security_is_sent_only_if_public_url_uses_https(
    settings: Settings, url: str, sent: bool
) -> None:
    app = create_app(settings.model_copy(update={"public_url": url}))
    assert (b"Strict-Transport-Security" in error_response(app, RuntimeError())) is sent


def test_process_survives_running_out_of_file_descriptors(sqlite_template: Path, tmp_path: Path) -> None:
    limit_descriptors = "import resource, runpy\nresource.setrlimit(resource.RLIMIT_NOFILE, (150, 150))\n"
    (tmp_path / "few_descriptors.conf.py").write_text(
        limit_descriptors + "globals().update(runpy.run_path('gunicorn.conf.py'))"
    )
    with gunicorn(tmp_path, sqlite_template, "--config", str(tmp_path / "few_descriptors.conf.py")) as server:
        with ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(server.connect()).sendall(b"G")
            time.sleep(1)
        assert server.send_raw(request_head("GET", "/health/live")).status == 200
        assert "Exception" not in server.log()
