"""A reverse proxy that forwards everything unchanged, except for the responses that a fault changes in one step."""

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
    """The response to a request for `path`, before it is sent to the client."""

    path: str
    status: int
    headers: urllib3.HTTPHeaderDict
    content: bytes


@dataclass(frozen=True)
class Fault:
    """A change to the response to request number `at` of a step, or to all of its responses if `at` is `None`."""

    name: str
    change: Callable[[Reply], None]
    at: int | None = 1
    timeout_seconds: float = 15


class ConnectionDropped(Exception):
    """The proxy must close the connection without sending a response."""


@dataclass
class Proxy:
    """The running proxy: its URL, and every secret that passed through it."""

    target: str
    step: str
    fault: Fault
    url: str = ""
    secrets: set[str] = field(default_factory=set)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    def apply_fault(self, request_id: str, reply: Reply) -> None:
        """Apply the seeded fault if it is meant for this response."""
        step, _, number = request_id.partition("-")[2].partition("-")[2].rpartition("-")
        if step == self.step.replace(" ", "-") and self.fault.at in (None, int(number)):
            self.fault.change(reply)

    def record_secrets(self, content: bytes) -> None:
        """Record the secrets in `content` if it is a JSON object."""
        if content.startswith(b"{"):
            body = json.loads(content)
            self.secrets |= {body[name] for name in _SECRETS & body.keys() if isinstance(body[name], str)}


@contextmanager
def proxy(target: str, step: str, fault: Fault) -> Iterator[Proxy]:
    """Run a proxy in front of the deployment at `target`."""
    running = Proxy(target, step, fault)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(running)) as server:
        running.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
            running.http.clear()


def _handler(running: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if self.raw_requestline and self.parse_request():
                self._forward()
            self.close_connection = True

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = self._fetch(body)
            running.record_secrets(body)
            running.record_secrets(reply.content)
            try:
                running.apply_fault(self.headers["X-Request-ID"], reply)
            except ConnectionDropped:
                return
            self._send(reply)

        def _fetch(self, body: bytes) -> Reply:
            response = running.http.request(
                self.command,
                running.target + self.path,
                body=body or None,
                headers={name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP},
            )
            return Reply(self.path, response.status, response.headers, response.data)

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
