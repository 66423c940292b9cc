"""The HTTP below the S3 client, bounded by silence and not by size."""

import io
import socket
from http.client import HTTPResponse
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from project.infrastructure.bounded_reader import BoundedReader

_SLICE_BYTES = 64 * 1024


class _Answer(HTTPResponse):
    """Head and body by the time-out of its connection, which counts for all waits, and not for each byte."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        seconds = sock.gettimeout() or _Connection.idle_timeout_seconds
        self.fp.close()
        self.fp = io.BufferedReader(BoundedReader(sock, idle_timeout_seconds=seconds, total_seconds=seconds))


class _Connection(HTTPConnection):
    """Sends in slices.

    urllib3 sends a body within its *connect* time-out, and `sendall` counts that for the whole body:
    10 MiB in two seconds, or the upload fails.
    """

    response_class = _Answer
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


def patient_http() -> PoolManager:
    """For the real work: 2 s to connect, 10 s of silence, once more for what may be repeated."""
    retries = Retry(
        total=2,
        connect=1,
        read=1,
        status=2,
        backoff_factor=0.1,
        status_forcelist=(500, 502, 503, 504),
        # A store may ask for minutes; whoever waits for us has seconds.
        respect_retry_after_header=False,
    )
    return _manager(Timeout(connect=2, read=_Connection.idle_timeout_seconds), retries)


def hasty_http() -> PoolManager:
    """For the readiness probe: an answer within two seconds, or none."""
    return _manager(Timeout(connect=1, read=2), Retry(0))


def _manager(timeout: Timeout, retries: Retry) -> PoolManager:
    manager = PoolManager(timeout=timeout, retries=retries, maxsize=32)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager
