"""Reads from a socket with a timeout per wait and in total, so that a slow peer cannot block a thread for long."""

import io
import socket
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A peer that stays below this rate until the total timeout expires counts as unresponsive.
_MIN_BYTES_PER_SECOND = 1024


class BoundedReader(io.RawIOBase):
    """Reads from a socket. Raises TimeoutError if nothing arrives for `idle_timeout_seconds`.

    Also raises TimeoutError if all waits together exceed `total_seconds` plus one second for each KiB received. Time
    between reads does not count.
    """

    def __init__(self, connection: socket.socket, *, idle_timeout_seconds: float, total_seconds: float) -> None:
        self.idle_timeout_seconds = idle_timeout_seconds
        self._connection = connection
        # `makefile` takes its own reference to the socket, so the socket stays open for this reader even after the
        # connection is closed elsewhere.
        self._raw = connection.makefile("rb", buffering=0)
        self._left_seconds = total_seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        if self._left_seconds <= 0:
            raise TimeoutError("the server is too slow")
        self._connection.settimeout(min(self.idle_timeout_seconds, self._left_seconds))
        started_at = monotonic()
        count = self._raw.readinto(buffer)
        self._left_seconds += (count or 0) / _MIN_BYTES_PER_SECOND - (monotonic() - started_at)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
