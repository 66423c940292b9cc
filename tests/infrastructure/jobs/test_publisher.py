"""The publisher: nobody waits for the broker, and what it cannot hand over is left to the sweep."""

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
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import list_jobs


class Broker:
    """Takes what it is given, once `open` is set."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, UUID]] = []
        self.open = threading.Event()
        self.refusals = 0

    def publish(self, name: str, job_id: UUID) -> None:
        self.open.wait()
        if self.refusals > 0:
            self.refusals -= 1
            raise ConnectionRefusedError
        self.taken.append((name, job_id))

    def check(self) -> None:
        return


@pytest.fixture
def hanging() -> Iterator[Broker]:
    """A broker that accepts and stays silent until the test is over."""
    broker = Broker()
    yield broker
    broker.open.set()


@pytest.fixture
def broker(hanging: Broker) -> Broker:
    """A broker that works."""
    hanging.open.set()
    return hanging


def eventually(holds: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_jobs_reach_the_broker_in_their_order(broker: Broker) -> None:
    given = [("a.job", new_id()) for _ in range(50)]
    ours = publisher.Publisher(broker)
    for name, job_id in given:
        ours.put(name, job_id)
    eventually(lambda: len(broker.taken) == 50)
    assert broker.taken == given


def test_nobody_waits_for_a_broker_that_hangs(hanging: Broker) -> None:
    ours, began = publisher.Publisher(hanging), time.monotonic()
    for _ in range(500):
        ours.put("a.job", new_id())
    assert time.monotonic() - began < 2


def test_what_does_not_fit_is_let_go_without_waiting(hanging: Broker) -> None:
    ours, began = publisher.Publisher(hanging), time.monotonic()
    for _ in range(1200):
        ours.put("a.job", new_id())
    assert time.monotonic() - began < 2
    hanging.open.set()
    ours._drain()
    assert 1000 <= len(hanging.taken) <= 1001


def test_after_a_refusal_it_goes_on(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_PAUSE_SECONDS", 0.01)
    broker.refusals = 2
    ours = publisher.Publisher(broker)
    for number in range(4):
        ours.put(f"job.{number}", new_id())
    eventually(lambda: len(broker.taken) == 2)
    assert [name for name, _job_id in broker.taken] == ["job.2", "job.3"]


def test_a_commit_does_not_wait_and_what_was_not_handed_over_is_left_to_the_sweep(
    settings: Settings, hanging: Broker
) -> None:
    with at_work(settings.model_copy(update={"job_republish_delay_seconds": 1}), broker=hanging):
        began = time.monotonic()
        with transaction():
            jobs.enqueue("a.job")
        assert time.monotonic() - began < 1
        [row] = list_jobs()
        eventually(lambda: jobs.pop_overdue(10) == [(row.id, "a.job")])


def test_jobs_are_handed_over_after_the_commit_only(settings: Settings, broker: Broker) -> None:
    with at_work(settings, broker=broker):
        with pytest.raises(ZeroDivisionError), transaction():  # noqa: PT012 - the transaction is what is tested
            jobs.enqueue("never")
            raise ZeroDivisionError
        with transaction():
            jobs.enqueue("a.job")
            time.sleep(0.05)
            assert broker.taken == []
        eventually(lambda: len(broker.taken) == 1)
        assert broker.taken == [("a.job", list_jobs()[0].id)]


_PROLOGUE = """
import os, sys, time
from project.infrastructure.columns import new_id
from project.infrastructure.outbox.publisher import Publisher

class Slow:
    def publish(self, name, job_id):
        time.sleep(float(sys.argv[1]))
        print(name, flush=True)

publisher = Publisher(Slow())
publisher.put("parent", new_id())
"""
# The clock is the machine's, not the process's.
_EPILOGUE = "print(time.monotonic(), file=sys.stderr)"


def run(program: str, seconds_each: float) -> tuple[list[str], float]:
    """What a process has published when it has ended, and how long that took after its last line."""
    command = [sys.executable, "-c", f"{_PROLOGUE}{program}\n{_EPILOGUE}", str(seconds_each)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.split(), time.monotonic() - float(done.stderr)


def test_a_process_that_ends_publishes_what_waits() -> None:
    published, _seconds = run("for _ in range(9): publisher.put('more', new_id())", 0.02)
    assert published == ["parent", *["more"] * 9]


def test_a_process_that_ends_waits_two_seconds_at_most() -> None:
    published, seconds = run("", 60)
    assert published == []
    assert 1.5 < seconds < 5


def test_a_fork_publishes_with_a_thread_of_its_own() -> None:
    """As gunicorn and Celery fork, perhaps with a thread at work and a queue that is not empty."""
    program = """
if os.fork() == 0:
    publisher.put("child", new_id())
    sys.exit()
os.wait()
"""
    published, _seconds = run(program, 0.1)
    assert sorted(published) == ["child", "parent"]


def test_a_fork_in_the_middle_of_a_put_does_not_stand_still() -> None:
    """A lock that another thread held at the fork stays locked in the child for good."""
    ours = publisher.Publisher(broker := Broker())
    broker.open.set()
    with ours._lock:
        child = os.fork()
        if child == 0:
            ours.put("child", new_id())
            os._exit(0)
    eventually(lambda: os.waitpid(child, os.WNOHANG) == (child, 0))
