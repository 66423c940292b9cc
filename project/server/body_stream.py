"""The body of a request arrives whole, or the request is refused: WSGI middleware around what is read from the server.

A body that ends before its Content-Length or in a broken chunk, or that arrives too slowly (`parser.py`), must look
like neither a short body nor a defect to whoever reads it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from project.http.responses.problems import MalformedRequest

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class CompleteBody:
    """WSGI middleware that raises MalformedRequest where a body is read that does not arrive whole."""

    def __init__(self, application: WSGI) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = _CheckedStream(environ["wsgi.input"], environ.get("CONTENT_LENGTH", ""))
        return self._application(environ, start_response)


class _CheckedStream:
    def __init__(self, stream: Any, content_length: str) -> None:
        self._stream = stream
        self._left = int(content_length) if content_length.isascii() and content_length.isdigit() else None

    def read(self, size: int = -1) -> bytes:
        data = self._take(self._stream.read, size)
        # A stream gives less than it was asked for at its end only (PEP 3333), and many ask just once.
        if size < 0 or len(data) < size:
            self._ensure_whole()
        return data

    def readline(self, size: int = -1) -> bytes:
        line = self._take(self._stream.readline, size)
        if not line and size != 0:
            self._ensure_whole()
        return line

    def _take(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except TimeoutError as error:
            raise MalformedRequest("The body arrived too slowly.") from error
        except Exception as error:  # the server's parser has many names for a body that is cut off
            raise MalformedRequest("The body is incomplete or incorrectly framed.") from error
        if self._left is not None:
            self._left -= len(data)
        return data

    def _ensure_whole(self) -> None:
        if self._left is not None and self._left > 0:
            raise MalformedRequest("The body is shorter than its `Content-Length`.")
