"""Rate counters are shared by processes that use the same store, and kept in memory while the store is unavailable."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from project.config import Settings
from project.infrastructure import logging, rate_counter
from project.infrastructure.rate_counter import Quota, RateCounter
from tests.kit.clients.remote import run_concurrently
from tests.kit.servers import services
from tests.kit.servers.services import Redis

Log = tuple[Callable[[str], RateCounter], Callable[[], str]]
LOGIN = Quota("login", "ada", number=1000, window_seconds=60)


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
    return [count(counter, LOGIN) for _ in range(times)]


def count(counter: RateCounter, quota: Quota) -> int:
    [usage] = counter.count([quota])
    return usage.number


def test_names_and_subjects_are_counted_separately(counter: RateCounter) -> None:
    quotas = [replace(LOGIN, name=name, subject=subject) for name, subject in ("ac", "ac", "ad", "bc", "ac")]
    assert [count(counter, quota) for quota in quotas] == [1, 2, 1, 1, 3]


def test_first_call_starts_window_and_count_restarts_after_window_ends(counter: RateCounter) -> None:
    quota = replace(LOGIN, subject="window", window_seconds=1)
    [first] = counter.count([quota])
    assert 0 < first.milliseconds_left <= 1000
    assert count(counter, quota) == 2
    time.sleep(1.1)
    assert count(counter, quota) == 1


def test_quota_is_exceeded_by_the_first_use_beyond_it(counter: RateCounter) -> None:
    usages = [counter.count([replace(LOGIN, subject="exceeded", number=2)])[0] for _ in range(4)]
    assert [(usage.remaining, usage.is_exceeded) for usage in usages] == [(1, False), (0, False), (0, True), (0, True)]


def test_quotas_after_an_exceeded_one_are_not_counted(counter: RateCounter) -> None:
    first, narrow, wide = (
        Quota("in-order", subject, number, window_seconds=60)
        for subject, number in (("first", 9), ("narrow", 2), ("wide", 9))
    )
    numbers = [[usage.number for usage in counter.count([first, narrow, wide])] for _ in range(4)]
    assert numbers == [[1, 1, 1], [2, 2, 2], [3, 3], [4, 4]]
    assert count(counter, wide) == 3


def test_reset_restarts_the_count_of_one_quota(counter: RateCounter) -> None:
    quota, other = (replace(LOGIN, subject=subject) for subject in ("reset", "not-reset"))
    counter.count([quota, other])
    counter.reset(quota)
    assert [usage.number for usage in counter.count([quota, other])] == [1, 2]


def test_concurrent_calls_are_all_counted(counter: RateCounter) -> None:
    quota = replace(LOGIN, subject="at-once")
    counts = run_concurrently([lambda: count(counter, quota)] * 16)
    assert sorted(counts) == list(range(1, 17))


def test_counters_with_same_store_share_their_counts(redis_url: str) -> None:
    quota = replace(LOGIN, subject="together")
    assert [count(RateCounter(redis_url), quota) for _ in range(3)] == [1, 2, 3]


def test_all_quotas_are_counted_in_one_round_trip(store: Redis) -> None:
    counter = RateCounter(store.url)
    counter.count([LOGIN])
    with redis.Redis.from_url(store.url) as client, client.monitor() as monitor:
        counter.count([LOGIN, replace(LOGIN, subject="grace")])
        counter.reset(LOGIN)
        commands = []
        while not commands or commands[-1]["command"].split()[0] != "DEL":
            commands.append(monitor.next_command())
    assert [each["command"].split()[0] for each in commands if each["client_type"] != "lua"] == ["EVALSHA", "DEL"]


def test_counts_in_store_expire_with_their_window(store: Redis) -> None:
    RateCounter(store.url).count([LOGIN])
    with redis.Redis.from_url(store.url) as client:
        ttls = [client.ttl(key) for key in client.scan_iter()]
    assert ttls
    assert all(0 < seconds <= LOGIN.window_seconds for seconds in ttls)


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


def test_reset_while_store_is_unavailable_resets_the_count_in_memory(store: Redis) -> None:
    counter = RateCounter(store.url)
    os.kill(store.pid, signal.SIGKILL)
    assert count_logins(counter, 3) == [1, 2, 3]
    counter.reset(LOGIN)
    assert count_logins(counter, 1) == [1]


def test_script_is_loaded_again_if_the_store_has_lost_it(store: Redis) -> None:
    counter = RateCounter(store.url)
    count_logins(counter, 2)
    with redis.Redis.from_url(store.url) as client:
        client.script_flush()
    assert count_logins(counter, 1) == [3]


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
    create("redis://:hush@127.0.0.1:1/0").count([LOGIN])
    output = read_log()
    assert events(output) == ["rate_counter.store_unavailable"]
    assert "hush" not in output
