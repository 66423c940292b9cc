"""The database breaks under a deployment on PostgreSQL: rows 1 to 5 of what may fail."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from uuid import uuid4

import psycopg
import pytest
from urllib3.exceptions import ProtocolError
from werkzeug.wrappers import Response

from tests.kit.clients.api import Api, problem
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import Point, held, wait_for
from tests.kit.servers.process import eventually

REFUSED_SECONDS = 2
# What a client is promised, and what a busy machine needs on top.
SLACK_SECONDS = 2
WELL_AGAIN_SECONDS = 5


@pytest.fixture
def owner(system: System) -> Api:
    """Somebody whose session is in the ledger."""
    return system.ledger.session(system.api.signed_in())


def ensure_unavailable(answer: Response) -> None:
    problem(answer, 503, "service-unavailable")  # type: ignore[arg-type]
    assert int(answer.headers["Retry-After"]) >= 1


def retried(send: Callable[[], Response]) -> Response:
    """The answer that a client gets who sends again as long as it is told to, for as long as it may be needed."""
    until = time.monotonic() + WELL_AGAIN_SECONDS
    while (answer := send()).status_code == 503 and time.monotonic() < until:
        time.sleep(0.1)
    return answer


def statuses(system: System, path: str) -> set[int]:
    """What every web instance answers."""
    return {system.api.client.open(path, method="GET").status_code for _ in system.deployment.urls}


def organizations(system: System) -> int:
    return int(system.behind.rows("SELECT count(*) FROM organizations")[0][0])


@contextmanager
def waiting(system: System, send: Callable[[], Response], at: str) -> Iterator[tuple[Point, Future[Response]]]:
    """A request that waits at a point, and the answer it will get."""
    url, proxy = system.behind.database_url, system.proxies.database
    with ThreadPoolExecutor(1) as pool, held(url, at, proxy=proxy) as point:
        answer = pool.submit(send)
        wait_for(1, point.arrived)
        yield point, answer


@pytest.mark.parametrize("at", ["keeping an answer", "committing an answer"])
def test_a_connection_cut_inside_a_transaction_leaves_nothing_and_its_key_free(
    system: System, owner: Api, at: str
) -> None:
    send = partial(system.ledger.organization, owner, str(uuid4()))
    before = organizations(system)
    with waiting(system, send, at) as (point, answer):
        point.end_connections()
        ensure_unavailable(answer.result())
    assert organizations(system) == before
    again = send()
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, None)
    assert organizations(system) == before + 1
    system.ledger.ensure_nothing_lost()


def test_a_commit_whose_answer_was_lost_is_found_by_the_key(system: System, owner: Api) -> None:
    send = partial(system.ledger.organization, owner, str(uuid4()))
    before = organizations(system)
    with waiting(system, send, "committing an answer") as (point, answer):
        system.proxies.database.cut()
        ensure_unavailable(answer.result())
        point.open()
        again = retried(send)
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, "true")
    assert organizations(system) == before + 1
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("fault", ["refuse", "swallow"])
def test_a_database_that_is_down_is_said_at_once_and_left_behind(system: System, owner: Api, fault: str) -> None:
    getattr(system.proxies.database, fault)()
    answers = {}
    for send in (partial(system.ledger.organization, owner), partial(owner.get, "/auth/me")):
        began = time.monotonic()
        ensure_unavailable(send())
        answers[send.func] = time.monotonic() - began
    assert max(answers.values()) < REFUSED_SECONDS + SLACK_SECONDS, answers
    assert (statuses(system, "/health/live"), statuses(system, "/health/ready")) == ({200}, {503})
    system.proxies.database.heal()
    eventually(lambda: statuses(system, "/health/ready") == {200}, WELL_AGAIN_SECONDS + SLACK_SECONDS)
    assert system.ledger.organization(owner).status_code == 201
    system.ledger.ensure_nothing_lost()


@pytest.mark.full
@pytest.mark.parametrize("fault", ["refuse", "swallow"])
def test_a_minute_without_the_database_under_load_fails_nothing_open(system: System, owner: Api, fault: str) -> None:
    getattr(system.proxies.database, fault)()
    until = time.monotonic() + 60
    with ThreadPoolExecutor(16) as pool:
        outcomes = sum(pool.map(lambda _hand: _asked_until(until, system, owner), range(16)), Counter())
    assert outcomes.keys() <= {503, None}, outcomes
    assert outcomes[503] > 0
    system.proxies.database.heal()
    eventually(lambda: statuses(system, "/health/ready") == {200}, WELL_AGAIN_SECONDS + SLACK_SECONDS)
    system.ledger.ensure_nothing_lost()


def _asked_until(until: float, system: System, owner: Api) -> Counter[int | None]:
    """How often each status came; None if the connection was idle for so long that the server had just closed it."""
    outcomes: Counter[int | None] = Counter()
    while time.monotonic() < until:
        for send in (partial(owner.get, "/auth/me"), partial(system.ledger.organization, owner)):
            try:
                outcomes[send().status_code] += 1
            except ProtocolError:
                outcomes[None] += 1
    return outcomes


def test_a_database_without_a_free_connection_refuses_only_what_needs_one(system: System, owner: Api) -> None:
    with ExitStack() as fillers:
        system.proxies.database.cut()
        fill(system.behind.database_url, fillers)
        ensure_unavailable(system.ledger.organization(owner))
        assert statuses(system, "/health/live") == statuses(system, "/.well-known/jwks.json") == {200}
    eventually(lambda: statuses(system, "/health/ready") == {200}, WELL_AGAIN_SECONDS + SLACK_SECONDS)
    assert system.ledger.organization(owner).status_code == 201
    system.ledger.ensure_nothing_lost()


def fill(url: str, fillers: ExitStack) -> None:
    """Take every connection that the server has left."""
    with suppress(psycopg.OperationalError):
        while True:
            fillers.enter_context(psycopg.connect(url, connect_timeout=5))


def test_a_deadlock_is_solved_by_doing_the_request_again(system: System, owner: Api) -> None:
    before = organizations(system)
    with psycopg.connect(system.behind.database_url) as rival, ThreadPoolExecutor(1) as pool:
        rival.execute("LOCK TABLE memberships IN SHARE ROW EXCLUSIVE MODE")
        answer = pool.submit(system.ledger.organization, owner)
        wait_for(1, lambda: waiting_for_locks(system))
        # Now each has what the other wants. Who has waited longer finds out, and yields.
        rival.execute("LOCK TABLE organizations")
        rival.rollback()
        assert answer.result().status_code == 201
    assert organizations(system) == before + 1
    system.ledger.ensure_nothing_lost()


def waiting_for_locks(system: System) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return int(system.behind.rows(waiting)[0][0])
