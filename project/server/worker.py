"""gunicorn's threaded worker: problems for what its parser refuses, and no thread for a client that is not ready.

A thread gets a connection when a request head is whole (`parser.py`), and gives it back with the answer: idle
connections, slow heads and clients that are slow to close hold none. A body that the application reads holds one while
it arrives at a fair pace, and an answer while it is read at all. So a proxy in front must still read requests whole
before it passes them on, take answers whole, bound the connections of each client (a worker takes 1,000, or what its
descriptors allow), and speak TLS and HTTP/2: this server speaks HTTP/1.1 in clear only.
"""

import resource
import socket
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from errno import ETIMEDOUT
from functools import partial
from selectors import EVENT_READ
from typing import Any
from urllib.parse import unquote

from flask import Response
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.http import http_date

from project import errors
from project.http.middleware import request_id
from project.http.responses import problems, security_headers
from project.infrastructure import logging
from project.server import parser
from project.server.parser import Parser, RequestRejected

LINGER_TIMEOUT_SECONDS = 2
UNREAD_TIMEOUT_SECONDS = 30


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """One web process. What runs in a thread says so; all else runs in the one loop, and must not wait."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._lingering: deque[TConn] = deque()

    def init_process(self) -> None:
        """Let the kernel end connections whose client takes no byte of an answer, and then serve."""
        for listener in self.sockets:
            if hasattr(socket, "TCP_USER_TIMEOUT") and listener.sock.family != socket.AF_UNIX:
                # Connections inherit it. It also ends sendfile(), which knows no time-out.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_TIMEOUT_SECONDS * 1000))
        self.worker_connections: int = min(self.cfg.worker_connections, _max_connections(self.cfg.threads))
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread once a request head is whole."""
        if conn.parser is None:
            conn.parser, conn.initialized = Parser(self.cfg, conn.sock, conn.client), True
        if not conn.parser.unreader.collect():
            self._await(conn, self.pending_conns, parser.HEAD_TIMEOUT_SECONDS, self.on_pending_socket_readable)
        elif conn.parser.unreader.is_abandoned:
            self._drop(conn)
        else:
            super().enqueue_req(conn)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """More of a head has come. Until it is whole the connection keeps its place, and with it its deadline."""
        if conn.parser.unreader.collect():
            super().on_pending_socket_readable(conn, client)

    def finish_request(self, conn: TConn, future: Future[Any]) -> None:
        """Keep a connection for its next request, or close it when the client has read the answer."""
        if future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
            return
        with suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
            # gunicorn waits for the client here, and with it all others would.
            self._await(conn, self._lingering, LINGER_TIMEOUT_SECONDS, self._discard)
            return
        self._drop(conn)

    def murder_pending(self) -> None:
        """Refuse the heads, and close the connections, whose time is up."""
        for conn in self._overdue(self.pending_conns):
            conn.parser.unreader.give_up()
            self.enqueue_req(conn)
        for conn in self._overdue(self._lingering):
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """A worker that stops waits no longer for a new connection's request than for a kept one's."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Serve a request in a thread."""
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError as error:
            # The kernel's, and not one of the application's: the client takes no answer, and there is nothing to say.
            if error.errno != ETIMEDOUT:
                raise
            return False

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer in a thread what the parser refused, or what failed around the application."""
        refusal = (
            exc
            if isinstance(exc, RequestRejected)
            else RequestRejected(problems.InternalError(), getattr(req, "path", None))
        )
        with self.wsgi.app_context():
            response = _problem_response(refusal.error, unquote(refusal.path or "/"))
        if refusal is not exc:
            logging.logger.error("request.failed", exc_info=exc)
        with suppress(OSError):
            client.sendall(_serialize(response))

    def _await(self, conn: TConn, line: deque[TConn], seconds: float, readable: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + seconds
        self.poller.register(conn.sock, EVENT_READ, partial(readable, conn))
        line.append(conn)

    def _overdue(self, line: deque[TConn]) -> Iterator[TConn]:
        while line and line[0].timeout <= time.monotonic():
            self.poller.unregister(line[0].sock)
            yield line.popleft()

    def _discard(self, conn: TConn, client: socket.socket) -> None:
        with suppress(OSError):
            if client.recv(65536):
                return
        self.poller.unregister(client)
        self._lingering.remove(conn)
        self._drop(conn)

    def _drop(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _max_connections(threads: int) -> int:
    """How many the process may have open: gunicorn's loop ends when there is no descriptor for another one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # What else is open: the store, the broker, and for each thread its database, a file and a temporary one.
    return hard - 64 - 8 * threads


def _problem_response(error: errors.Error, instance: str) -> Response:
    own_id = request_id.start_request()
    response = security_headers.add(problems.problem_response(error, instance, own_id))
    response.headers["Date"] = http_date()
    response.headers["Connection"] = "close"
    return request_id.finish_request(response, own_id, method=None, route=None, problem=error.code, duration_ms=None)


def _serialize(response: Response) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    return f"HTTP/1.1 {response.status}\r\n{fields}\r\n".encode("latin-1") + response.get_data()
