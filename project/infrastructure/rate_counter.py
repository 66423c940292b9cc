"""Counting in windows of time: in a store that all processes share, else in the memory of each."""

import time
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import cast

from flask import Flask, current_app
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from redis import ConnectionPool

from project.config import Settings
from project.infrastructure.logging import logger

# Of each step; a silent store is left at the first that takes longer.
_STORE_TIMEOUT_SECONDS = 0.2
_RETRY_SECONDS = 5


@dataclass(frozen=True)
class WindowCount:
    """How many there were in a window so far, and the seconds until it ends."""

    number: int
    seconds_left: float


class RateCounter:
    """Counts in the store at a URL; while that is away, in memory, and asks for it again every few seconds."""

    def __init__(self, url: str) -> None:
        self._shared = None if url.startswith("memory:") else _redis(url)
        self._lock = Lock()
        self._is_away = False
        self._retry_at = 0.0

    def count(self, key: str, window_seconds: int) -> WindowCount:
        """Count one more under `key`; its window begins with the first."""
        if self._shared is not None and self._is_to_be_asked():
            try:
                count = _count(self._shared, key, window_seconds)
            except StorageError as error:
                self._leave(error)
            else:
                self._return()
                return count
        # One at a time: of several first counts at once, MemoryStorage forgets some.
        with self._lock:
            return _count(self._own, key, window_seconds)

    @cached_property
    def _own(self) -> Storage:
        # Made when it is needed, since it starts a thread, which would not live on in the processes that web forks.
        return MemoryStorage()

    def _is_to_be_asked(self) -> bool:
        with self._lock:
            if self._is_away and time.monotonic() < self._retry_at:
                return False
            # While one asks a store that was away, nobody else waits for it.
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return True

    def _leave(self, error: StorageError) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, True
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        if not was_away:
            logger.warning("rate_counter.store_unavailable", error=str(error.storage_error))

    def _return(self) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, False
        if was_away:
            logger.info("rate_counter.store_available")


def init_app(app: Flask, settings: Settings) -> None:
    """Open the counters of `app`; nothing is contacted."""
    app.extensions["counters"] = RateCounter(settings.rate_limit_url)


def current_rate_counter() -> RateCounter:
    """The counters of the application that is at work."""
    return cast(RateCounter, current_app.extensions["counters"])


def _redis(url: str) -> Storage:
    # A pool of our own, since the client's tries everything again, with pauses.
    timeouts = {"socket_timeout": _STORE_TIMEOUT_SECONDS, "socket_connect_timeout": _STORE_TIMEOUT_SECONDS}
    return RedisStorage(url, connection_pool=ConnectionPool.from_url(url, **timeouts), wrap_exceptions=True)


def _count(storage: Storage, key: str, window_seconds: int) -> WindowCount:
    number = storage.incr(key, window_seconds)
    return WindowCount(number, max(0.0, storage.get_expiry(key) - time.time()))
