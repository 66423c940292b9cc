"""The server's connections, request after request, and the answer when something fails around the application."""

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
from tests.kit.clients.raw_http import Server, answer, gunicorn, head

LIVE = "/health/live"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("pieces", [1, 7, 60])
def test_head_may_come_in_pieces(server: Server, pieces: int) -> None:
    request = b"\r\n" + head("GET", LIVE)
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(request), pieces):
            connection.sendall(request[start : start + pieces])
        assert answer(connection).status == 200


def test_connection_is_kept_for_the_next_request(server: Server) -> None:
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(head("GET", LIVE))
            assert answer(connection).status == 200


def test_requests_may_be_sent_ahead(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(head("GET", LIVE) + head("GET", "/nowhere") + head("GET", LIVE, "Connection: close"))
        with connection.makefile("rb") as stream:
            statuses = [line.split()[1] for line in stream if line.startswith(b"HTTP/1.1")]
    assert statuses == [b"200", b"404", b"200"]


def refusal_in(app: Flask, exception: Exception) -> bytes:
    """What a worker that serves `app` writes when `exception` reaches it."""
    worker = Worker(0, 0, [], None, 30, Config(), None)
    worker.wsgi = app
    ours, theirs = socket.socketpair()
    with ours, theirs, closing(worker.tmp):
        worker.handle_error(None, ours, None, exception)
        ours.close()
        return b"".join(iter(lambda: theirs.recv(65536), b""))


@ON_SQLITE
def test_defect_around_the_application_is_a_problem_too(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app(settings.model_copy(update={"log_format": "json"}))
    fields, _, body = refusal_in(app, RuntimeError("of the inside")).partition(b"\r\n\r\n")
    events = {event["event"]: event for event in map(json.loads, capsys.readouterr().err.splitlines())}
    assert fields.startswith(b"HTTP/1.1 500 ")
    assert (json.loads(body)["code"], b"of the inside" in body) == ("internal-error", False)
    assert events["request"]["problem"] == "internal-error"
    assert events["request.failed"]["exception"][0]["exc_value"] == "of the inside"


@ON_SQLITE
@pytest.mark.parametrize(("url", "sent"), [("https://api.example.com", True), ("http://localhost:8000", False)])
def test_strict_transport_security_is_for_https_only(settings: Settings, url: str, sent: bool) -> None:
    app = create_app(settings.model_copy(update={"public_url": url}))
    assert (b"Strict-Transport-Security" in refusal_in(app, RuntimeError())) is sent


def test_more_connections_than_descriptors_end_no_process(sqlite_template: Path, tmp_path: Path) -> None:
    few = "import resource, runpy\nresource.setrlimit(resource.RLIMIT_NOFILE, (150, 150))\n"
    (tmp_path / "few.conf.py").write_text(few + "globals().update(runpy.run_path('gunicorn.conf.py'))")
    with gunicorn(tmp_path, sqlite_template, "--config", str(tmp_path / "few.conf.py")) as server:
        with ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(server.connect()).sendall(b"G")
            time.sleep(1)
        assert server.ask(head("GET", "/health/live")).status == 200
        assert "Exception" not in server.log()
