"""Counters: shared by all processes that name the same store, and kept in memory while that is away."""

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
    """A store that a test may stop."""
    with services.redis() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def shared(request: pytest.FixtureRequest) -> RateCounter:
    """Counters of each kind."""
    return RateCounter("memory://" if request.param == "memory" else request.getfixturevalue("redis_url"))


@pytest.fixture
def log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Log:
    """Opens counters within a test, whose log goes to what is standard error then; and tells what was logged."""

    def opened(url: str) -> RateCounter:
        logging.configure(Settings(app_env="development", data_dir=tmp_path, log_format="json"))
        return RateCounter(url)

    return opened, lambda: capsys.readouterr().err


@pytest.fixture
def retry_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_counter, "_RETRY_SECONDS", 0.5)


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    """What an act returns, and the seconds it took."""
    began = time.monotonic()
    return act(), time.monotonic() - began


def events(log: str) -> list[str]:
    return [json.loads(line)["event"] for line in log.splitlines()]


def numbers(counters: RateCounter, times: int) -> list[int]:
    return [counters.count("login:ada", MINUTE).number for _ in range(times)]


def test_each_key_is_counted_by_itself(shared: RateCounter) -> None:
    counts = [shared.count(key, MINUTE).number for key in ("each:a", "each:a", "each:b", "each:a")]
    assert counts == [1, 2, 1, 3]


def test_window_begins_with_the_first_and_then_anew(shared: RateCounter) -> None:
    first = shared.count("window", 1)
    assert 0 < first.seconds_left <= 1
    assert shared.count("window", 1).number == 2
    time.sleep(1.1)
    assert shared.count("window", 1).number == 1


def test_of_many_that_count_at_once_each_is_counted(shared: RateCounter) -> None:
    counts = run_concurrently([lambda: shared.count("at-once", MINUTE)] * 16)
    assert shared.count("at-once", MINUTE).number == len(counts) + 1


def test_all_who_name_one_store_count_together(redis_url: str) -> None:
    counts = [RateCounter(redis_url).count("together", MINUTE).number for _ in range(3)]
    assert counts == [1, 2, 3]


def test_store_keeps_a_count_no_longer_than_its_window(store: Redis) -> None:
    RateCounter(store.url).count("login:ada", MINUTE)
    with redis.Redis.from_url(store.url) as client:
        lives = [client.ttl(key) for key in client.scan_iter()]
    assert lives
    assert all(0 < seconds <= MINUTE for seconds in lives)


def test_opening_counters_contacts_nothing(log: Log) -> None:
    opened, said = log
    with socket.create_server(("127.0.0.1", 0)) as store:
        opened(f"redis://127.0.0.1:{store.getsockname()[1]}/0")
        store.setblocking(False)
        with pytest.raises(BlockingIOError):
            store.accept()
    assert said() == ""


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL], ids=["silent", "down"])
@pytest.mark.parametrize("connected", [True, False], ids=["in use", "from the start"])
def test_store_that_is_away_costs_little_and_is_told_once(
    store: Redis, log: Log, fault: signal.Signals, connected: bool
) -> None:
    opened, said = log
    counters = opened(store.url)
    numbers(counters, 5 if connected else 0)
    os.kill(store.pid, fault)
    first, seconds = timed(lambda: numbers(counters, 1))
    rest, more_seconds = timed(lambda: numbers(counters, 50))
    assert first + rest == list(range(1, 52))
    assert (seconds < 1, more_seconds < 1) == (True, True)
    assert events(said()) == ["rate_counter.store_unavailable"]


def test_store_that_is_away_is_asked_again_and_its_return_is_told_once(
    store: Redis, log: Log, retry_soon: None
) -> None:
    opened, said = log
    counters = opened(store.url)
    numbers(counters, 5)
    os.kill(store.pid, signal.SIGSTOP)
    numbers(counters, 1)
    time.sleep(0.6)
    assert numbers(counters, 1) == [2]
    os.kill(store.pid, signal.SIGCONT)
    time.sleep(0.6)
    assert numbers(counters, 2)[0] > 5
    assert events(said()) == ["rate_counter.store_unavailable", "rate_counter.store_available"]


def test_while_one_asks_a_store_that_was_away_nobody_else_waits(store: Redis, retry_soon: None) -> None:
    counters = RateCounter(store.url)
    os.kill(store.pid, signal.SIGSTOP)
    numbers(counters, 1)
    time.sleep(0.6)
    with ThreadPoolExecutor(8) as pool:
        times = list(pool.map(lambda _number: timed(lambda: numbers(counters, 1))[1], range(8)))
    assert sum(seconds > 0.1 for seconds in times) == 1


def test_password_of_the_store_is_not_logged(log: Log) -> None:
    opened, said = log
    opened("redis://:hush@127.0.0.1:1/0").count("login:ada", MINUTE)
    words = said()
    assert events(words) == ["rate_counter.store_unavailable"]
    assert "hush" not in words
