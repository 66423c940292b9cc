"""Fixed-window counters, kept in a store that all processes share or in the memory of each process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from threading import Lock
from typing import TypeVar, cast

from flask import Flask, current_app
from limits.storage import MemoryStorage

from project.config import Settings, current_settings
from project.infrastructure import signing
from project.infrastructure.logging import logger

# Timeout for connecting and for each socket operation. A store that exceeds it counts as down.
_STORE_TIMEOUT_SECONDS = 0.2
_RETRY_SECONDS = 5
# One script, so that all quotas of a request take one round trip, and no counter is left without an expiry.
_COUNT = """
local usages = {}
for i, key in ipairs(KEYS) do
    local number = redis.call('INCR', key)
    if number == 1 then redis.call('EXPIRE', key, ARGV[2 * i]) end
    usages[i] = {number, redis.call('PTTL', key)}
    if number > tonumber(ARGV[2 * i - 1]) then break end
end
return usages
"""
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Quota:
    """The maximum `number` of uses by a subject in a window. The window begins with the first use.

    `subject` must not reveal personal data, because a store may be shared: see `pseudonym`.
    """

    name: str
    subject: str
    number: int
    window_seconds: int

    @property
    def key(self) -> str:
        return f"LIMITS:{self.name}:{self.subject}"


@dataclass(frozen=True)
class Usage:
    """The number of uses of a quota in the current window, and the time until the window ends."""

    quota: Quota
    number: int
    milliseconds_left: float

    @property
    def is_exceeded(self) -> bool:
        return self.number > self.quota.number

    @property
    def remaining(self) -> int:
        return max(0, self.quota.number - self.number)

    @property
    def seconds_left(self) -> int:
        return max(1, ceil(self.milliseconds_left / 1000))


class RateCounter:
    """Counts in the store at `url`. While it is down, counts in memory and retries the store every few seconds."""

    def __init__(self, url: str) -> None:
        self._shared = None if url.startswith("memory:") else _RedisStore(url)
        self._memory = _MemoryStore()
        self._lock = Lock()
        self._is_down = False
        self._retry_at = 0.0

    def count(self, quotas: Sequence[Quota]) -> list[Usage]:
        """Count one use of each quota in turn, and stop after the first one that is exceeded. Returns their usages.

        If the narrowest quota comes first, a subject that has used it up cannot use up a wider one for other subjects.
        """
        usages = self._use_store(lambda store: store.count(quotas))
        return [Usage(quota, *usage) for quota, usage in zip(quotas, usages, strict=False)]

    def reset(self, quota: Quota) -> None:
        """Set the number of uses to zero."""
        self._use_store(lambda store: store.reset(quota))

    def _use_store(self, action: "Callable[[_RedisStore | _MemoryStore], _Result]") -> _Result:
        if self._shared is not None and self._should_use_shared():
            try:
                result = action(self._shared)
            except self._shared.error as error:
                self._mark_down(error)
            else:
                self._mark_up()
                return result
        return action(self._memory)

    def _should_use_shared(self) -> bool:
        with self._lock:
            if self._is_down and time.monotonic() < self._retry_at:
                return False
            # Only one thread retries a store that was down; the other threads do not wait for it.
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return True

    def _mark_down(self, error: Exception) -> None:
        with self._lock:
            was_down, self._is_down = self._is_down, True
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        if not was_down:
            logger.warning("rate_counter.store_unavailable", error=str(error))

    def _mark_up(self) -> None:
        with self._lock:
            was_down, self._is_down = self._is_down, False
        if was_down:
            logger.info("rate_counter.store_available")


class _RedisStore:
    """Counts in Redis. Raises `error` if Redis is down."""

    def __init__(self, url: str) -> None:
        # Imported here so that processes that do not use Redis start faster.
        from redis import ConnectionPool, Redis, RedisError

        # Use our own pool: by default, redis-py 8.1.0 retries every command with backoff.
        timeouts = {"socket_timeout": _STORE_TIMEOUT_SECONDS, "socket_connect_timeout": _STORE_TIMEOUT_SECONDS}
        self._client = Redis(connection_pool=ConnectionPool.from_url(url, **timeouts))
        self._count = self._client.register_script(_COUNT)
        self.error = RedisError

    def count(self, quotas: Sequence[Quota]) -> list[tuple[int, float]]:
        arguments = [argument for quota in quotas for argument in (quota.number, quota.window_seconds)]
        usages = self._count([quota.key for quota in quotas], arguments)
        return cast(list[tuple[int, float]], usages)

    def reset(self, quota: Quota) -> None:
        self._client.delete(quota.key)


class _MemoryStore:
    """Counts in the memory of this process."""

    def __init__(self) -> None:
        self._lock = Lock()

    def count(self, quotas: Sequence[Quota]) -> list[tuple[int, float]]:
        usages: list[tuple[int, float]] = []
        # limits 5.8.0: MemoryStorage loses increments if several threads start a window concurrently.
        with self._lock:
            for quota in quotas:
                number = self._storage.incr(quota.key, quota.window_seconds)
                usages.append((number, 1000 * (self._storage.get_expiry(quota.key) - time.time())))
                if number > quota.number:
                    break
        return usages

    def reset(self, quota: Quota) -> None:
        with self._lock:
            self._storage.clear(quota.key)

    @cached_property
    def _storage(self) -> MemoryStorage:
        # Created on first use, since it starts a thread, which would not survive the fork of the web processes.
        return MemoryStorage()


def init_app(app: Flask, settings: Settings) -> None:
    """Create the rate counter of `app`. Does not connect."""
    app.extensions["rate_counter"] = RateCounter(settings.rate_limit_url)


def current_rate_counter() -> RateCounter:
    """Return the rate counter of the current application."""
    return cast(RateCounter, current_app.extensions["rate_counter"])


def use_quota(*quotas: Quota) -> int:
    """Count one use of each quota as `RateCounter.count` does.

    Returns 0 or, if one is exceeded, the seconds until its window ends. Always returns 0 if rate limits are disabled.
    """
    if not current_settings().rate_limit_enabled:
        return 0
    usages = current_rate_counter().count(quotas)
    return max(usage.seconds_left if usage.is_exceeded else 0 for usage in usages)


def reset_quota(quota: Quota) -> None:
    """Set the number of uses of a quota to zero."""
    if current_settings().rate_limit_enabled:
        current_rate_counter().reset(quota)


def pseudonym(*parts: str) -> str:
    """Return a MAC of `parts`, such as an IP address, to identify the subject of a quota."""
    return signing.mac("rate-limit", "\0".join(parts).encode()).hex()[:32]
