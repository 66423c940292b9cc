"""Reads an object of an S3-compatible store as a seekable file."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from urllib3 import BaseHTTPResponse

from project.infrastructure.storage.s3_errors import store_errors

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class S3Reader(io.RawIOBase):
    """Requests the content on the first read, from the current position to the end. After a seek, requests it again."""

    def __init__(self, key: str, size: int, fetch: Callable[[int], BaseHTTPResponse]) -> None:
        """Create a reader. `fetch(position)` must return a response with the object's content from `position`."""
        self._key = key
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._response: BaseHTTPResponse | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("negative seek position")
        if start + offset != self._position:
            self._close_response()
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if not view or self._position >= self._size:
            return 0
        chunk = self._receive(len(view))
        view[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def close(self) -> None:
        self._close_response()
        super().close()

    def _receive(self, size: int) -> bytes:
        with store_errors(self._key):
            if self._response is None:
                self._response = self._fetch(self._position)
            chunk = self._response.read(size, decode_content=False)
            if not chunk:
                raise OSError("the store sent fewer bytes than the size of the object")
        return chunk

    def _close_response(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response.release_conn()
            self._response = None
