"""gunicorn's threaded worker, modified so that slow clients occupy no threads and parser errors yield problem details.

A connection occupies a thread from the moment its request head is complete (see `parser.py`) until the response has
been sent. Idle connections, slow request heads and clients that are slow to disconnect occupy no thread. A request body
occupies a thread as long as it arrives fast enough, and a response as long as the client keeps reading.

The reverse proxy in front must therefore buffer whole requests and responses, and limit the connections per client. A
worker accepts up to 1,000 connections, or as many as its file descriptors allow. The proxy must also terminate TLS and
HTTP/2: this server speaks only unencrypted HTTP/1.1.

The class here overrides internal methods of ThreadWorker in gunicorn 27.0.1, because gunicorn has no hooks for these
cases. The original reads request heads in a thread (https://github.com/benoitc/gunicorn/issues/3518), blocks all other
connections while it waits in the event loop for a client to disconnect, and renders errors as HTML.
https://github.com/benoitc/gunicorn/blob/27.0.1/gunicorn/workers/gthread.py
"""

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


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """One web process.

    Methods run in the event loop and must not block, unless their docstring says that they run in a thread.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._lingering: deque[TConn] = deque()

    def enqueue_req(self, conn: TConn) -> None:
        """Pass the connection to a thread if its request head is complete, otherwise wait for more of the head."""
        if conn.parser is None:
            conn.parser, conn.initialized = Parser(self.cfg, conn.sock, conn.client), True
        if not conn.parser.unreader.collect():
            self._watch(conn, self.pending_conns, parser.HEAD_TIMEOUT_SECONDS, self.on_pending_socket_readable)
        elif conn.parser.unreader.is_abandoned:
            self._drop(conn)
        else:
            super().enqueue_req(conn)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Receive more of a head.

        Until the head is complete, the connection stays in the queue and keeps its deadline.
        """
        if conn.parser.unreader.collect():
            super().on_pending_socket_readable(conn, client)

    def finish_request(self, conn: TConn, future: Future[Any]) -> None:
        """Keep the connection open for its next request, or close it once the client has read the response."""
        if future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
            return
        with suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
            # gunicorn would wait for the client here and block the event loop. Watch the socket instead.
            self._watch(conn, self._lingering, LINGER_TIMEOUT_SECONDS, self._discard)
            return
        self._drop(conn)

    def murder_pending(self) -> None:
        """Reject request heads and close lingering connections whose deadline has passed."""
        for conn in self._pop_expired(self.pending_conns):
            conn.parser.unreader.expire_head()
            self.enqueue_req(conn)
        for conn in self._pop_expired(self._lingering):
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Apply the shutdown deadline of keep-alive connections to those with an incomplete head as well."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Serve a request. Runs in a thread. Returns whether to keep the connection open."""
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError as error:
            # ETIMEDOUT comes from TCP_USER_TIMEOUT, not from the application: the client no longer reads the
            # response, so an error response would be pointless.
            if error.errno != ETIMEDOUT:
                raise
            return False

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Send problem details for a request that the parser rejected, or that failed outside the application.

        Runs in a thread.
        """
        rejection = (
            exc
            if isinstance(exc, RequestRejected)
            else RequestRejected(problems.InternalError(), getattr(req, "path", None))
        )
        with self.wsgi.app_context():
            response = _problem_response(rejection.error, unquote(rejection.path or "/"))
        if rejection is not exc:
            logging.logger.error("request.failed", exc_info=exc)
        with suppress(OSError):
            client.sendall(_serialize(response))

    def _watch(self, conn: TConn, queue: deque[TConn], seconds: float, on_readable: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + seconds
        self.poller.register(conn.sock, EVENT_READ, partial(on_readable, conn))
        queue.append(conn)

    def _pop_expired(self, queue: deque[TConn]) -> Iterator[TConn]:
        while queue and queue[0].timeout <= time.monotonic():
            self.poller.unregister(queue[0].sock)
            yield queue.popleft()

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


def _problem_response(error: errors.Error, instance: str) -> Response:
    own_id = request_id.start_request()
    response = security_headers.add(problems.problem_response(error, instance, own_id))
    response.headers["Date"] = http_date()
    response.headers["Connection"] = "close"
    return request_id.finish_request(response, own_id, method=None, route=None, problem=error.code, duration_ms=None)


def _serialize(response: Response) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    return f"HTTP/1.1 {response.status}\r\n{fields}\r\n".encode("latin-1") + response.get_data()
