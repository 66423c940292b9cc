"""Forks beside threads: a child copies what a thread of its parent is in the middle of, and has nobody to end it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# A process that can fork no more would be worse than a child that has to be replaced.
MAX_DELAY_SECONDS = 5.0


class _ForkLock:
    """A lock that each fork takes, if it can have it in time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._is_mine = False
        os.register_at_fork(before=self._close, after_in_parent=self._open, after_in_child=self._renew)

    def _close(self) -> None:
        self._is_mine = self.lock.acquire(timeout=MAX_DELAY_SECONDS)

    def _open(self) -> None:
        if self._is_mine:
            self.lock.release()

    def _renew(self) -> None:
        self.lock = threading.Lock()


_fork_lock = _ForkLock()


@contextmanager
def delay_forks() -> Iterator[None]:
    """Have forks wait for the end of the block, PATIENCE_SECONDS at most; one such block waits for the other."""
    with _fork_lock.lock:
        yield
