"""Adapts an iterable of chunks to the file-like object that the S3 client reads from."""

from collections.abc import Iterable
from io import BytesIO


class SourceFailed(Exception):
    """The iterable raised an error. It is an Exception, so the client aborts even if the cause is a BaseException."""


class Source:
    """Reads from `chunks`. If the iterable raises an exception, it is stored in `error`."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, or fewer at the end.

        minio 7.2.20 concatenates short reads, at quadratic cost.
        """
        buffer = BytesIO()
        while buffer.tell() < size and (chunk := self._rest or self._next()):
            space = size - buffer.tell()
            buffer.write(chunk[:space])
            self._rest = chunk[space:]
        return buffer.getvalue()

    def _next(self) -> bytes:
        """Return the next non-empty chunk, or `b""` at the end. Raises SourceFailed."""
        try:
            return next(filter(None, self._chunks), b"")
        except BaseException as error:
            self.error = error
            raise SourceFailed from error
