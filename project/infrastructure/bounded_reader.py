"""Reading from a socket, bounded in each wait and in all, so that a byte now and then holds nobody for long."""

import io
import socket
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Whoever sends slower than this for longer than the time in all is as good as silent.
_MIN_BYTES_PER_SECOND = 1024


class BoundedReader(io.RawIOBase):
    """What arrives. Raises TimeoutError when nothing comes for `idle_timeout_seconds`, or when all waits took too long.

    That is `total_seconds`, and a second more for each KiB that came; time between reads does not count.
    """

    def __init__(self, connection: socket.socket, *, idle_timeout_seconds: float, total_seconds: float) -> None:
        self.idle_timeout_seconds = idle_timeout_seconds
        self._connection = connection
        # Counted by the socket as one of its users: it stays open for us when the others have closed it.
        self._raw = connection.makefile("rb", buffering=0)
        self._left_seconds = total_seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        if self._left_seconds <= 0:
            raise TimeoutError("the server is too slow")
        self._connection.settimeout(min(self.idle_timeout_seconds, self._left_seconds))
        began = monotonic()
        count = self._raw.readinto(buffer)
        self._left_seconds += (count or 0) / _MIN_BYTES_PER_SECOND - (monotonic() - began)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
