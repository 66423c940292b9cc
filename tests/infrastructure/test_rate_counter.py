"""Rate counters are shared by processes that use the same store, and kept in memory while the store is unavailable."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from project.config import Settings
from project.infrastructure import logging, rate_counter
from project.infrastructure.rate_counter import RateCounter
from tests.kit.clients.remote import run_concurrently
from tests.kit.servers import services
from tests.kit.servers.services import Redis

Log = tuple[Callable[[str], RateCounter], Callable[[], str]]
MINUTE = 60


@pytest.fixture
def store() -> Iterator[Redis]:
    """A Redis server that a test may stop."""
    with services.redis() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def counter(request: pytest.FixtureRequest) -> RateCounter:
    """A rate counter that counts in memory or in Redis."""
    return RateCounter("memory://" if request.param == "memory" else request.getfixturevalue("redis_url"))


@pytest.fixture
def log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Log:
    """A function that creates a rate counter and captures its log, and a function that returns the captured log."""

    def create(url: str) -> RateCounter:
        logging.configure(Settings(app_env="development", data_dir=tmp_path, log_format="json"))
        return RateCounter(url)

    return create, lambda: capsys.readouterr().err


@pytest.fixture
def retry_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_counter, "_RETRY_SECONDS", 0.5)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of `call` and its duration in seconds."""
    started_at = time.monotonic()
    return call(), time.monotonic() - started_at


def events(log: str) -> list[str]:
    return [json.loads(line)["event"] for line in log.splitlines()]


def count_logins(counter: RateCounter, times: int) -> list[int]:
    return [counter.count("login:ada", MINUTE).number for _ in range(times)]


def test_keys_are_counted_separately(counter: RateCounter) -> None:
    counts = [counter.count(key, MINUTE).number for key in ("each:a", "each:a", "each:b", "each:a")]
    assert counts == [1, 2, 1, 3]


def test_first_call_starts_window_and_count_restarts_after_window_ends(counter: RateCounter) -> None:
    first = counter.count("window", 1)
    assert 0 < first.seconds_left <= 1
    assert counter.count("window", 1).number == 2
    time.sleep(1.1)
    assert counter.count("window", 1).number == 1


def test_concurrent_calls_are_all_counted(counter: RateCounter) -> None:
    counts = run_concurrently([lambda: counter.count("at-once", MINUTE)] * 16)
    assert counter.count("at-once", MINUTE).number == len(counts) + 1


def test_counters_with_same_store_share_their_counts(redis_url: str) -> None:
    counts = [RateCounter(redis_url).count("together", MINUTE).number for _ in range(3)]
    assert counts == [1, 2, 3]


def test_counts_in_store_expire_with_their_window(store: Redis) -> None:
    RateCounter(store.url).count("login:ada", MINUTE)
    with redis.Redis.from_url(store.url) as client:
        ttls = [client.ttl(key) for key in client.scan_iter()]
    assert ttls
    assert all(0 < seconds <= MINUTE for seconds in ttls)


def test_creating_counter_does_not_connect_to_store(log: Log) -> None:
    create, read_log = log
    with socket.create_server(("127.0.0.1", 0)) as store:
        create(f"redis://127.0.0.1:{store.getsockname()[1]}/0")
        store.setblocking(False)
        with pytest.raises(BlockingIOError):
            store.accept()
    assert read_log() == ""


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL], ids=["unresponsive", "down"])
@pytest.mark.parametrize("connected", [True, False], ids=["after-use", "from-start"])
def test_unavailable_store_delays_calls_only_briefly_and_is_logged_once(
    store: Redis, log: Log, fault: signal.Signals, connected: bool
) -> None:
    create, read_log = log
    counter = create(store.url)
    count_logins(counter, 5 if connected else 0)
    os.kill(store.pid, fault)
    first, seconds = timed(lambda: count_logins(counter, 1))
    rest, more_seconds = timed(lambda: count_logins(counter, 50))
    assert first + rest == list(range(1, 52))
    assert (seconds < 1, more_seconds < 1) == (True, True)
    assert events(read_log()) == ["rate_counter.store_unavailable"]


def test_unavailable_store_is_retried_and_recovery_is_logged_once(store: Redis, log: Log, retry_soon: None) -> None:
    create, read_log = log
    counter = create(store.url)
    count_logins(counter, 5)
    os.kill(store.pid, signal.SIGSTOP)
    count_logins(counter, 1)
    time.sleep(0.6)
    assert count_logins(counter, 1) == [2]
    os.kill(store.pid, signal.SIGCONT)
    time.sleep(0.6)
    assert count_logins(counter, 2)[0] > 5
    assert events(read_log()) == ["rate_counter.store_unavailable", "rate_counter.store_available"]


def test_only_one_thread_waits_while_store_is_retried(store: Redis, retry_soon: None) -> None:
    counter = RateCounter(store.url)
    os.kill(store.pid, signal.SIGSTOP)
    count_logins(counter, 1)
    time.sleep(0.6)
    with ThreadPoolExecutor(8) as pool:
        times = list(pool.map(lambda _number: timed(lambda: count_logins(counter, 1))[1], range(8)))
    assert sum(seconds > 0.1 for seconds in times) == 1


def test_store_password_is_not_logged(log: Log) -> None:
    create, read_log = log
    create("redis://:hush@127.0.0.1:1/0").count("login:ada", MINUTE)
    output = read_log()
    assert events(output) == ["rate_counter.store_unavailable"]
    assert "hush" not in output
