"""gunicorn's HTTP/1 parser, with this project's errors and with time limits for slow clients.

A request head is collected without blocking and parsed once it is complete. A body is read, with blocking reads, by the
thread that handles the request. The thread waits at most STALL_TIMEOUT_SECONDS for the next bytes. Once it has waited
for SLOW_BODY_GRACE_SECONDS in total, it continues only while the client sends at least MIN_BYTES_PER_SECOND on average.
Only the time spent waiting for bytes counts, not the time between reads.

The classes here extend internals of gunicorn 27.0.1, which has no hooks for this. gunicorn reads the head from a
blocking socket without an overall deadline, so a slow client occupies a thread. It responds to invalid requests with
HTML pages. https://github.com/benoitc/gunicorn/blob/27.0.1/gunicorn/http/parser.py
"""

import socket
import struct
import time
from typing import Any

from gunicorn.http import Request as GunicornRequest
from gunicorn.http import RequestParser
from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestLine,
    InvalidRequestMethod,
    LimitRequestHeaders,
    LimitRequestLine,
    ObsoleteFolding,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.http.unreader import SocketUnreader

from project import errors
from project.http.responses.problems import HeaderTooLarge, MalformedRequest, UriTooLong

HEAD_TIMEOUT_SECONDS = 10
MAX_HEAD_BYTES = 64 * 1024
STALL_TIMEOUT_SECONDS = 15
SLOW_BODY_GRACE_SECONDS = 20
MIN_BYTES_PER_SECOND = 1000
_MAX_SKIPPED_BYTES = 64 * 1024

_DETAILS: dict[type[ParseException], str] = {
    ExpectationFailed: "`100-continue` is the only supported expectation.",
    InvalidHeader: "A header is missing, repeated, or has an invalid value.",
    InvalidHeaderName: "A header name is invalid.",
    InvalidHTTPVersion: "The HTTP version must be 1.1 or 1.0.",
    InvalidRequestLine: "The request line is invalid.",
    InvalidRequestMethod: "The method is invalid.",
    ObsoleteFolding: "A header spans several lines.",
    UnsupportedTransferCoding: "`chunked` is the only supported transfer coding.",
}


class RequestRejected(Exception):
    """The parser rejected a request with `error`. `path` is `None` if the request line could not be parsed."""

    def __init__(self, error: errors.Error, path: str | None) -> None:
        super().__init__(error)
        self.error = error
        self.path = path


class ConnectionReader(SocketUnreader):  # type: ignore[misc]  # gunicorn is untyped
    """Reads the requests of one connection: heads without blocking, bodies within time limits."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        # Let the kernel enforce the timeout. With a Python timeout, each read would need an extra poll() system call.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", STALL_TIMEOUT_SECONDS, 0))
        # The error to raise if the parser needs more of the head than was collected. Once it is set, no more bytes are
        # received.
        self._head_error: errors.Error | None = None
        self.may_block = True
        self.begin_head()

    @property
    def is_abandoned(self) -> bool:
        """Whether the head has ended without a single byte: the client disconnected or sent nothing in time."""
        return self._head_error is not None and not self.buf.getvalue()

    def collect(self) -> bool:
        """Receive the available bytes of the head. Returns whether the head is ready for the parser."""
        if not self._is_collected():
            self._collect_available()
        return self._is_collected()

    def expire_head(self) -> None:
        """Stop waiting for the rest of the head. Parsing it will raise MalformedRequest."""
        self._head_error = MalformedRequest("The request head arrived too slowly.")

    def begin_head(self) -> None:
        """Switch to reading a head: only from the collected bytes, not from the socket."""
        self._in_head = True
        self._searched_bytes = 0

    def begin_body(self) -> None:
        """Switch to reading a body: reads block, within the time limits."""
        self._in_head = False
        self._waited_seconds, self._received_bytes = 0.0, 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes of a body.

        Raises TimeoutError if the body arrives too slowly, and MalformedRequest or HeaderTooLarge if the head is
        incomplete.
        """
        if self._in_head:
            raise self._head_error or MalformedRequest
        began = time.monotonic()
        try:
            data: bytes = super().chunk(size_hint) if self.may_block else self._receive_available()
        except BlockingIOError as error:
            raise TimeoutError("no bytes received in time") from error
        self._ensure_min_rate(time.monotonic() - began, len(data))
        return data

    def _ensure_min_rate(self, seconds: float, received_bytes: int) -> None:
        self._waited_seconds += seconds
        self._received_bytes += received_bytes
        required_bytes = MIN_BYTES_PER_SECOND * self._waited_seconds
        if self._waited_seconds > SLOW_BODY_GRACE_SECONDS and self._received_bytes < required_bytes:
            raise TimeoutError("bytes received too slowly")

    def _is_collected(self) -> bool:
        # Continue where the last search ended. A head may arrive byte by byte, and searching all of it each time
        # would take quadratic time.
        self.buf.seek(max(0, self._searched_bytes - 2))
        rest = self.buf.read()
        # Two bare LFs do not end a head, but they allow the parser to reject the request immediately.
        if b"\n\r\n" in rest or b"\n\n" in rest:
            return True
        self._searched_bytes = self.buf.tell()
        return self._head_error is not None

    def _receive_available(self) -> bytes:
        data: bytes = self.sock.recv(self.mxchunk, socket.MSG_DONTWAIT)
        return data

    def _collect_available(self) -> None:
        try:
            data = self._receive_available()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.buf.seek(0, 2)
        self.buf.write(data)
        if not data:
            self._head_error = MalformedRequest("The request head is incomplete.")
        elif self.buf.tell() > MAX_HEAD_BYTES and not self._is_collected():
            self._head_error = HeaderTooLarge()


class Request(GunicornRequest):  # type: ignore[misc]  # gunicorn is untyped
    """A request with a valid head. The constructor raises RequestRejected if the head is invalid."""

    path: str | None

    def __init__(self, cfg: Any, reader: ConnectionReader, *args: Any) -> None:
        reader.begin_head()
        try:
            super().__init__(cfg, reader, *args)
            self._finish_head()
        except (ParseException, errors.Error) as error:
            raise RequestRejected(_as_error(error), self.path) from error

    def _finish_head(self) -> None:
        if self.version >= (1, 1) and "HOST" not in dict(self.headers):
            raise InvalidHeader("HOST")
        # The path of an absolute URL in the request line may be empty, which means "/" (RFC 9110, section 4.2.3).
        self.path = self.path or "/"
        self.unreader.begin_body()

    def should_close(self) -> bool:
        """Return whether to close the connection after this request.

        gunicorn calls this before it sends the response head, which announces the decision. Otherwise, a client or
        proxy could send its next request on a connection that is about to be closed. The connection stays open only if
        the rest of the body is small and has already been received, so that it can be discarded without waiting.
        """
        if not super().should_close() and not self._discard_body():
            self.force_close()
        return bool(super().should_close())

    def _discard_body(self) -> bool:
        """Discard the unread rest of the body without waiting. Returns `False` if its end was not reached."""
        self.unreader.may_block = False
        try:
            # Reading one byte more than the limit shows whether the body ends within it.
            return not self.body.failed and len(self.body.read(_MAX_SKIPPED_BYTES + 1)) <= _MAX_SKIPPED_BYTES
        except (OSError, ParseException):
            return False
        finally:
            self.unreader.may_block = True


class Parser(RequestParser):  # type: ignore[misc]  # gunicorn is untyped
    """Iterates over the requests of one connection."""

    mesg_class = Request

    def __init__(self, cfg: Any, sock: socket.socket, client: Any) -> None:
        super().__init__(cfg, sock, client)
        self.unreader = ConnectionReader(sock)


def _as_error(error: Exception) -> errors.Error:
    if isinstance(error, errors.Error):
        return error
    if isinstance(error, LimitRequestLine):
        return UriTooLong()
    if isinstance(error, LimitRequestHeaders):
        return HeaderTooLarge()
    return MalformedRequest(_DETAILS.get(type(error)))
