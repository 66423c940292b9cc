"""WSGI middleware that rejects requests whose body is incomplete.

A body may end before its Content-Length, contain a broken chunk, or arrive too slowly (see `parser.py`). Without this
middleware, the application would process a truncated body, or report an internal error.
"""

from collections.abc import Callable, Iterable
from typing import Any

from project.http.responses.problems import MalformedRequest

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class CompleteBody:
    """WSGI middleware that raises MalformedRequest when the application reads an incomplete body."""

    def __init__(self, application: WSGI) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = _CheckedStream(environ["wsgi.input"], environ.get("CONTENT_LENGTH", ""))
        return self._application(environ, start_response)


class _CheckedStream:
    def __init__(self, stream: Any, content_length: str) -> None:
        self._stream = stream
        self._remaining = int(content_length) if content_length.isascii() and content_length.isdigit() else None

    def read(self, size: int = -1) -> bytes:
        data = self._read(self._stream.read, size)
        # A WSGI stream returns less than requested only at its end (PEP 3333). Check at the first short read, since
        # many callers read only once.
        if size < 0 or len(data) < size:
            self._ensure_complete()
        return data

    def readline(self, size: int = -1) -> bytes:
        line = self._read(self._stream.readline, size)
        if not line and size != 0:
            self._ensure_complete()
        return line

    def _read(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except TimeoutError as error:
            raise MalformedRequest("The body arrived too slowly.") from error
        except Exception as error:  # gunicorn raises many types of exceptions for truncated and malformed bodies
            raise MalformedRequest("The body is incomplete or incorrectly framed.") from error
        if self._remaining is not None:
            self._remaining -= len(data)
        return data

    def _ensure_complete(self) -> None:
        if self._remaining is not None and self._remaining > 0:
            raise MalformedRequest("The body is shorter than its `Content-Length`.")
