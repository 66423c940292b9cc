"""gunicorn's HTTP/1 parser with this project's refusals, and with bounds on how long a client may take.

A request head is collected without waiting, and parsed when it is whole. A body is read by the thread that wants it,
which waits no longer than STALL_SECONDS for the next bytes, and, beyond GRACE_SECONDS of waiting in all, only for
clients that send LEAST_BYTES_PER_SECOND. Time in which the application does not ask for bytes does not count.
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
    """The parser refuses a request with `error`; the path is known when it got that far."""

    def __init__(self, error: errors.Error, path: str | None) -> None:
        super().__init__(error)
        self.error = error
        self.path = path


class HeadReader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """Reads from one connection, request after request."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        # Kept by the kernel: a time-out of Python's would cost a system call more with each read.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", STALL_TIMEOUT_SECONDS, 0))
        # Why there will be no more of the head than was collected.
        self._end: errors.Error | None = None
        self.may_wait = True
        self.begin_head()

    @property
    def is_abandoned(self) -> bool:
        """Whether the client has left, or never said a word."""
        return self._end is not None and not self.buf.getvalue()

    def collect(self) -> bool:
        """Take what has come of a head; True when there is nothing more to wait for."""
        if not self._is_collected():
            self._receive()
        return self._is_collected()

    def give_up(self) -> None:
        """Wait no longer for the rest of the head."""
        self._end = MalformedRequest("The request head arrived too slowly.")

    def begin_head(self) -> None:
        """From here on only what was collected is read."""
        self._in_head = True
        self._searched_bytes = 0

    def begin_body(self) -> None:
        """From here on the connection is read, at the client's pace."""
        self._in_head = False
        self._waited_seconds, self._received_bytes = 0.0, 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes. Raises the end of a head, and TimeoutError in a body."""
        if self._in_head:
            raise self._end or MalformedRequest
        began = time.monotonic()
        try:
            data: bytes = super().chunk(size_hint) if self.may_wait else self._at_hand()
        except BlockingIOError as error:
            raise TimeoutError("no byte came for too long") from error
        self._ensure_pace(time.monotonic() - began, len(data))
        return data

    def _ensure_pace(self, seconds: float, received_bytes: int) -> None:
        self._waited_seconds += seconds
        self._received_bytes += received_bytes
        least = MIN_BYTES_PER_SECOND * self._waited_seconds
        if self._waited_seconds > SLOW_BODY_GRACE_SECONDS and self._received_bytes < least:
            raise TimeoutError("too few bytes came for too long")

    def _is_collected(self) -> bool:
        # From where the last search ended: a head may come byte by byte.
        self.buf.seek(max(0, self._searched_bytes - 2))
        rest = self.buf.read()
        # A bare LF ends no head, but the parser is to say so at once.
        if b"\n\r\n" in rest or b"\n\n" in rest:
            return True
        self._searched_bytes = self.buf.tell()
        return self._end is not None

    def _at_hand(self) -> bytes:
        data: bytes = self.sock.recv(self.mxchunk, socket.MSG_DONTWAIT)
        return data

    def _receive(self) -> None:
        try:
            data = self._at_hand()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.buf.seek(0, 2)
        self.buf.write(data)
        if not data:
            self._end = MalformedRequest("The request head is incomplete.")
        elif self.buf.tell() > MAX_HEAD_BYTES and not self._is_collected():
            self._end = HeaderTooLarge()


class Request(GunicornRequest):  # type: ignore[misc]
    """A request whose head is valid. Raises Refusal."""

    path: str | None

    def __init__(self, cfg: Any, reader: HeadReader, *args: Any) -> None:
        reader.begin_head()
        try:
            super().__init__(cfg, reader, *args)
        except (ParseException, errors.Error) as error:
            raise RequestRejected(_as_error(error), self.path) from error

    def set_body_reader(self) -> None:
        """What gunicorn calls when it has parsed the head."""
        if self.version >= (1, 1) and "HOST" not in dict(self.headers):
            raise InvalidHeader("HOST")
        # Of a request line with a whole URL, which may end with its host (RFC 9110, 4.2.3).
        self.path = self.path or "/"
        super().set_body_reader()
        self.unreader.begin_body()

    def should_close(self) -> bool:
        """Also when the body could not be read: nobody knows where the next request would begin."""
        return self.body.failed or bool(super().should_close())


class Parser(RequestParser):  # type: ignore[misc]
    """The requests of one connection."""

    mesg_class = Request

    def __init__(self, cfg: Any, sock: socket.socket, client: Any) -> None:
        super().__init__(cfg, sock, client)
        self.unreader = HeadReader(sock)

    def finish_body(self, *_args: Any, **_options: Any) -> bool:
        """Whether the rest of a body could be skipped, without waiting for it: its request has been answered."""
        self.unreader.may_wait = False
        try:
            # Without gunicorn's deadline: under a time-out of Python's, `recv` waits whatever its flags say.
            return bool(super().finish_body(max_bytes=_MAX_SKIPPED_BYTES))
        except (ParseException, TimeoutError):
            return False
        finally:
            self.unreader.may_wait = True


def _as_error(error: Exception) -> errors.Error:
    if isinstance(error, errors.Error):
        return error
    if isinstance(error, LimitRequestLine):
        return UriTooLong()
    if isinstance(error, LimitRequestHeaders):
        return HeaderTooLarge()
    return MalformedRequest(_DETAILS.get(type(error)))
