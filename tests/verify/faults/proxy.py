"""A reverse proxy that passes everything on as it is, but for one answer in one step."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "server", "transfer-encoding"}
_SECRETS = {"password", "access_token", "refresh_token", "token"}


@dataclass
class Reply:
    """An answer on its way back to whoever asked for `path`."""

    path: str
    status: int
    headers: urllib3.HTTPHeaderDict
    content: bytes


@dataclass(frozen=True)
class Fault:
    """What happens to the answer to the `at`-th request of a step; to every one, if that is None."""

    name: str
    change: Callable[[Reply], None]
    at: int | None = 1
    patience_seconds: float = 15


class Hangup(Exception):
    """The client gets no answer."""


@dataclass
class Proxy:
    """Where it listens, and every secret that it has seen."""

    target: str
    step: str
    fault: Fault
    url: str = ""
    secrets: set[str] = field(default_factory=set)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    def spoil(self, request_id: str, reply: Reply) -> None:
        """The planted fault, if this is the answer it is meant for."""
        step, _, number = request_id.partition("-")[2].partition("-")[2].rpartition("-")
        if step == self.step.replace(" ", "-") and self.fault.at in (None, int(number)):
            self.fault.change(reply)

    def note(self, content: bytes) -> None:
        """Remember the secrets in a JSON object."""
        if content.startswith(b"{"):
            body = json.loads(content)
            self.secrets |= {body[name] for name in _SECRETS & body.keys() if isinstance(body[name], str)}


@contextmanager
def proxy(target: str, step: str, fault: Fault) -> Iterator[Proxy]:
    """Stand between `./bin/verify` and the deployment at `target`."""
    stand_in = Proxy(target, step, fault)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(stand_in)) as server:
        stand_in.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
            stand_in.http.clear()


def _handler(stand_in: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if self.raw_requestline and self.parse_request():
                self._pass_on()
            self.close_connection = True

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = self._ask(body)
            stand_in.note(body)
            stand_in.note(reply.content)
            try:
                stand_in.spoil(self.headers["X-Request-ID"], reply)
            except Hangup:
                return
            self._send(reply)

        def _ask(self, body: bytes) -> Reply:
            answer = stand_in.http.request(
                self.command,
                stand_in.target + self.path,
                body=body or None,
                headers={name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP},
            )
            return Reply(self.path, answer.status, answer.headers, answer.data)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in _HOP_BY_HOP | {"date"}:
                    self.send_header(name, value)
            if reply.status not in (204, 304):
                self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
