"""The HTTP client for S3 storage. Its timeouts limit idle time, so they do not depend on the size of an object."""

import io
import socket
from http.client import HTTPResponse
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from project.infrastructure.bounded_reader import BoundedReader

_SLICE_BYTES = 64 * 1024


class _Response(HTTPResponse):
    """A response with a limit on the total waiting time, not only on each individual wait.

    http.client (Python 3.11) reads from `self.fp` with the socket's timeout, which applies to each packet, so a server
    that occasionally sends a byte could block the client forever. This class replaces `fp` with a bounded reader.
    https://github.com/python/cpython/blob/3.11/Lib/http/client.py
    """

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        seconds = sock.gettimeout() or _Connection.idle_timeout_seconds
        self.fp.close()
        self.fp = io.BufferedReader(BoundedReader(sock, idle_timeout_seconds=seconds, total_seconds=seconds))


class _Connection(HTTPConnection):
    """A connection that sends a body in slices, with the timeout applied to each slice.

    urllib3 2.8.0 applies the *connect* timeout while it sends the body (`HTTPConnectionPool._make_request`), and
    `socket.sendall` applies it to the whole body: an upload of 10 MiB would have to finish within two seconds.
    https://github.com/urllib3/urllib3/blob/2.8.0/src/urllib3/connectionpool.py
    """

    response_class = _Response
    idle_timeout_seconds = 10.0

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self.idle_timeout_seconds)
        view = memoryview(data)
        for start in range(0, len(view), _SLICE_BYTES):
            super().send(view[start : start + _SLICE_BYTES])


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def object_http() -> PoolManager:
    """Return the HTTP client for object requests.

    Its timeouts are 2 s for connecting and 10 s for idle connections. Idempotent requests are retried.
    """
    retries = Retry(
        total=2,
        connect=1,
        read=1,
        status=2,
        backoff_factor=0.1,
        status_forcelist=(500, 502, 503, 504),
        # A store may ask for a delay of minutes, but our clients wait only for seconds.
        respect_retry_after_header=False,
    )
    return _manager(Timeout(connect=2, read=_Connection.idle_timeout_seconds), retries)


def probe_http() -> PoolManager:
    """Return the HTTP client for the readiness probe, with short timeouts and no retries."""
    return _manager(Timeout(connect=1, read=2), Retry(0))


def _manager(timeout: Timeout, retries: Retry) -> PoolManager:
    manager = PoolManager(timeout=timeout, retries=retries, maxsize=32)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager
