"""The publisher: callers never wait for the broker, and jobs that cannot be published are republished later."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id
from project.infrastructure.jobs import publisher
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import list_jobs


class Broker:
    """A broker that blocks until `open` is set, then accepts jobs."""

    def __init__(self) -> None:
        self.published: list[tuple[str, UUID]] = []
        self.open = threading.Event()
        self.failures_left = 0

    def publish(self, name: str, job_id: UUID) -> None:
        self.open.wait()
        if self.failures_left > 0:
            self.failures_left -= 1
            raise ConnectionRefusedError
        self.published.append((name, job_id))

    def check(self) -> None:
        return


@pytest.fixture
def blocked_broker() -> Iterator[Broker]:
    """A broker that blocks until the end of the test."""
    broker = Broker()
    yield broker
    broker.open.set()


@pytest.fixture
def broker(blocked_broker: Broker) -> Broker:
    """A broker that accepts jobs immediately."""
    blocked_broker.open.set()
    return blocked_broker


def eventually(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_jobs_are_published_in_order(broker: Broker) -> None:
    jobs_to_publish = [("a.job", new_id()) for _ in range(50)]
    job_publisher = publisher.Publisher(broker)
    for name, job_id in jobs_to_publish:
        job_publisher.put(name, job_id)
    eventually(lambda: len(broker.published) == 50)
    assert broker.published == jobs_to_publish


def test_put_does_not_wait_for_blocked_broker(blocked_broker: Broker) -> None:
    job_publisher, started_at = publisher.Publisher(blocked_broker), time.monotonic()
    for _ in range(500):
        job_publisher.put("a.job", new_id())
    assert time.monotonic() - started_at < 2


def test_put_drops_jobs_without_waiting_if_queue_is_full(blocked_broker: Broker) -> None:
    job_publisher, started_at = publisher.Publisher(blocked_broker), time.monotonic()
    for _ in range(1200):
        job_publisher.put("a.job", new_id())
    assert time.monotonic() - started_at < 2
    blocked_broker.open.set()
    job_publisher._drain()
    assert 1000 <= len(blocked_broker.published) <= 1001


def test_publisher_continues_after_failures(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_PAUSE_AFTER_FAILURE_SECONDS", 0.01)
    broker.failures_left = 2
    job_publisher = publisher.Publisher(broker)
    for number in range(4):
        job_publisher.put(f"job.{number}", new_id())
    eventually(lambda: len(broker.published) == 2)
    assert [name for name, _job_id in broker.published] == ["job.2", "job.3"]


def test_commit_does_not_wait_for_broker_and_unpublished_job_becomes_overdue(
    settings: Settings, blocked_broker: Broker
) -> None:
    with separate_app_context(settings.model_copy(update={"job_republish_delay_seconds": 1}), broker=blocked_broker):
        started_at = time.monotonic()
        with transaction():
            jobs.enqueue("a.job")
        assert time.monotonic() - started_at < 1
        [row] = list_jobs()
        eventually(lambda: jobs.pop_overdue(10) == [(row.id, "a.job")])


def test_jobs_are_published_only_after_commit(settings: Settings, broker: Broker) -> None:
    with separate_app_context(settings, broker=broker):
        with pytest.raises(ZeroDivisionError), transaction():  # noqa: PT012 - the transaction is under test
            jobs.enqueue("never")
            raise ZeroDivisionError
        with transaction():
            jobs.enqueue("a.job")
            time.sleep(0.05)
            assert broker.published == []
        eventually(lambda: len(broker.published) == 1)
        assert broker.published == [("a.job", list_jobs()[0].id)]


_SETUP = """
import os, sys, time
from project.infrastructure.database.models import new_id
from project.infrastructure.jobs.publisher import Publisher

class Slow:
    def publish(self, name, job_id):
        time.sleep(float(sys.argv[1]))
        os.write(1, f"{name}\\n".encode())  # one write, which another process cannot interrupt

publisher = Publisher(Slow())
publisher.put("parent", new_id())
"""
# All processes on a machine share the same monotonic clock.
_PRINT_TIME = "print(time.monotonic(), file=sys.stderr)"


def run(program: str, seconds_each: float) -> tuple[list[str], float]:
    """Run a program; return the jobs that it published, and the seconds between its last statement and its exit."""
    command = [sys.executable, "-c", f"{_SETUP}{program}\n{_PRINT_TIME}", str(seconds_each)]
    root = Path(__file__).parents[3]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=30, check=True)
    return result.stdout.split(), time.monotonic() - float(result.stderr)


def test_exiting_process_publishes_queued_jobs() -> None:
    published, _seconds = run("for _ in range(9): publisher.put('more', new_id())", 0.02)
    assert published == ["parent", *["more"] * 9]


def test_exiting_process_waits_two_seconds_for_slow_broker() -> None:
    published, seconds = run("", 60)
    assert published == []
    assert 1.5 < seconds < 5


def test_forked_child_publishes_jobs_in_its_own_thread() -> None:
    """gunicorn and Celery may fork while the publisher thread is running and its queue is not empty."""
    program = """
if os.fork() == 0:
    publisher.put("child", new_id())
    sys.exit()
os.wait()
"""
    published, _seconds = run(program, 0.1)
    assert sorted(published) == ["child", "parent"]


def test_fork_during_put_does_not_deadlock_child() -> None:
    """A lock that another thread holds during a fork would stay locked in the child forever."""
    job_publisher = publisher.Publisher(broker := Broker())
    broker.open.set()
    with job_publisher._lock:
        child = os.fork()
        if child == 0:
            job_publisher.put("child", new_id())
            os._exit(0)
    eventually(lambda: os.waitpid(child, os.WNOHANG) == (child, 0))
