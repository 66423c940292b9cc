"""Fixed-window counters, kept in a store that all processes share or in the memory of each process."""

import time
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import cast

from flask import Flask, current_app
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage

from project.config import Settings
from project.infrastructure.logging import logger

# Timeout for connecting and for each socket operation. A store that exceeds it counts as down.
_STORE_TIMEOUT_SECONDS = 0.2
_RETRY_SECONDS = 5


@dataclass(frozen=True)
class WindowCount:
    """The count in the current window, and the seconds until the window ends."""

    number: int
    seconds_left: float


class RateCounter:
    """Counts in the store at `url`. While it is down, counts in memory and retries the store every few seconds."""

    def __init__(self, url: str) -> None:
        self._shared = None if url.startswith("memory:") else _redis(url)
        self._lock = Lock()
        self._is_down = False
        self._retry_at = 0.0

    def count(self, key: str, window_seconds: int) -> WindowCount:
        """Increment the counter for `key`. The window begins with the first call."""
        if self._shared is not None and self._should_use_store():
            try:
                count = _count(self._shared, key, window_seconds)
            except StorageError as error:
                self._mark_down(error)
            else:
                self._mark_up()
                return count
        # limits 5.8.0: MemoryStorage loses increments if several threads start a window concurrently.
        with self._lock:
            return _count(self._memory, key, window_seconds)

    @cached_property
    def _memory(self) -> Storage:
        # Created on first use, since it starts a thread, which would not survive the fork of the web processes.
        return MemoryStorage()

    def _should_use_store(self) -> bool:
        with self._lock:
            if self._is_down and time.monotonic() < self._retry_at:
                return False
            # Only one thread retries a store that was down; the other threads do not wait for it.
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return True

    def _mark_down(self, error: StorageError) -> None:
        with self._lock:
            was_down, self._is_down = self._is_down, True
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        if not was_down:
            logger.warning("rate_counter.store_unavailable", error=str(error.storage_error))

    def _mark_up(self) -> None:
        with self._lock:
            was_down, self._is_down = self._is_down, False
        if was_down:
            logger.info("rate_counter.store_available")


def init_app(app: Flask, settings: Settings) -> None:
    """Create the rate counter of `app`. Does not connect."""
    app.extensions["rate_counter"] = RateCounter(settings.rate_limit_url)


def current_rate_counter() -> RateCounter:
    """Return the rate counter of the current application."""
    return cast(RateCounter, current_app.extensions["rate_counter"])


def _redis(url: str) -> Storage:
    # Imported here so that processes that do not use Redis start faster.
    from redis import ConnectionPool

    # Use our own pool: by default, redis-py 8.1.0 retries every command with backoff.
    timeouts = {"socket_timeout": _STORE_TIMEOUT_SECONDS, "socket_connect_timeout": _STORE_TIMEOUT_SECONDS}
    return RedisStorage(url, connection_pool=ConnectionPool.from_url(url, **timeouts), wrap_exceptions=True)


def _count(storage: Storage, key: str, window_seconds: int) -> WindowCount:
    number = storage.incr(key, window_seconds)
    return WindowCount(number, max(0.0, storage.get_expiry(key) - time.time()))
