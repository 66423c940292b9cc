"""An iterable of chunks as the readable that the S3 client asks for."""

from collections.abc import Iterable
from io import BytesIO


class SourceFailed(Exception):
    """The iterable raised, not the store. Makes the client abort, also for what is no Exception."""


class Source:
    """Reads `chunks`, and remembers what they raised in `error`."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, but for the end: the client joins short ones at quadratic cost."""
        gathered = BytesIO()
        while gathered.tell() < size and (chunk := self._rest or self._next()):
            room = size - gathered.tell()
            gathered.write(chunk[:room])
            self._rest = chunk[room:]
        return gathered.getvalue()

    def _next(self) -> bytes:
        """The next chunk that holds something; nothing at the end."""
        try:
            return next(filter(None, self._chunks), b"")
        except BaseException as error:
            self.error = error
            raise SourceFailed from error
