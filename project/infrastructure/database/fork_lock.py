"""Delays `fork()` while another thread holds a resource that the child must not inherit.

The child gets a copy of the resource, but not the thread that would have released it.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# After this timeout, fork anyway: having to replace a broken child is better than being unable to fork at all.
MAX_DELAY_SECONDS = 5.0


class _ForkLock:
    """A lock that is held during each `fork()`, unless it cannot be acquired within MAX_DELAY_SECONDS."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._is_held = False
        os.register_at_fork(before=self._acquire, after_in_parent=self._release, after_in_child=self._replace)

    def _acquire(self) -> None:
        self._is_held = self.lock.acquire(timeout=MAX_DELAY_SECONDS)

    def _release(self) -> None:
        if self._is_held:
            self.lock.release()

    def _replace(self) -> None:
        self.lock = threading.Lock()


_fork_lock = _ForkLock()


@contextmanager
def delay_forks() -> Iterator[None]:
    """Delay forks until the end of the block, but for at most MAX_DELAY_SECONDS. Only one such block runs at a time."""
    with _fork_lock.lock:
        yield
