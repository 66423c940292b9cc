"""Real workers on real brokers: jobs are done, whatever is killed or lost on the way."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from project.config import Settings
from tests.kit.clients.api import Api, created
from tests.kit.deployment.programs import Programs, programs
from tests.kit.faults.frozen_postgres import silent
from tests.kit.fixtures.apps import application, at_work
from tests.kit.fixtures.jobs import list_jobs
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import eventually
from tests.kit.servers.services import Postgres
from worker.broker import CeleryBroker

PICTURE = Path(__file__).parents[1].joinpath("data", "photos", "coffee.png").read_bytes()
IMPATIENT = {
    "job_republish_delay_seconds": 1,
    "republish_interval_seconds": 1,
    "job_time_limit_seconds": 4,
    "job_initial_backoff_seconds": 1,
}

# `./bin/run`, which has a test of its own, uses the embedded one each time.
on_both_brokers = pytest.mark.parametrize("broker", ["redis", pytest.param("embedded", marks=pytest.mark.full)])
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def broker() -> str:
    """Which broker; tests say otherwise by a parameter."""
    return "redis"


@pytest.fixture
def settings(request: pytest.FixtureRequest, settings: Settings, broker: str) -> Settings:
    if broker == "embedded":
        return settings.model_copy(update=IMPATIENT)
    url: str = request.getfixturevalue("redis_url")
    with Redis.from_url(url) as client:
        client.flushall()
    return settings.model_copy(update={**IMPATIENT, "broker_url": url})


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """A client of an application that publishes its jobs to the real broker."""
    with application(settings, broker=CeleryBroker(settings)) as app:
        yield Api(app.test_client())


@pytest.fixture
def run(settings: Settings) -> Programs:
    return programs(settings, **{name.upper(): str(value) for name, value in IMPATIENT.items()})


def are_done(settings: Settings) -> Callable[[], bool]:
    def done() -> bool:
        with at_work(settings):
            return {row.status for row in list_jobs()} == {"done"}

    return done


def mailbox(settings: Settings) -> list[Path]:
    return list((settings.data_dir / "mail").glob("*.eml"))


def invite(api: Api) -> tuple[Api, str]:
    """Who invited, and the path of the invitation."""
    owner = api.signed_in()
    path = f"/organizations/{owner.organization()['id']}/invitations"
    return owner, f"{path}/{created(owner.post(path, {'email': 'grace@example.org', 'role': 'member'}))['id']}"


@on_both_brokers
@on_postgresql
def test_what_a_request_causes_is_done(api: Api, settings: Settings, run: Programs) -> None:
    with run.worker():
        owner, invitation = invite(api)
        file = created(owner.upload(PICTURE, "coffee.png"))
        eventually(are_done(settings))
    assert created(owner.get(f"/files/{file['id']}"))["thumbnails"]["status"] == "ready"
    assert created(owner.get(invitation))["delivery"] == "sent"
    assert len(mailbox(settings)) == 1


def lose_all_messages(settings: Settings, broker: str) -> None:
    if broker == "embedded":
        shutil.rmtree(settings.data_dir / "broker")
        return
    with Redis.from_url(settings.broker_url) as client:
        assert client.dbsize() > 0
        client.flushall()


def is_published(settings: Settings, broker: str) -> Callable[[], bool]:
    if broker == "embedded":
        return lambda: any((settings.data_dir / "broker" / "queues").glob("*"))
    client = Redis.from_url(settings.broker_url)
    return lambda: client.dbsize() > 0


@on_both_brokers
@on_sqlite
def test_a_broker_that_lost_everything_loses_no_job(api: Api, settings: Settings, run: Programs, broker: str) -> None:
    owner, invitation = invite(api)
    eventually(is_published(settings, broker))
    lose_all_messages(settings, broker)
    with run.jobs():
        eventually(are_done(settings))
    assert created(owner.get(invitation))["delivery"] == "sent"
    assert len(mailbox(settings)) == 1


@pytest.mark.full
@on_sqlite
def test_a_broker_that_was_away_gets_the_jobs_when_it_is_back(api: Api, settings: Settings, run: Programs) -> None:
    nobody = settings.model_copy(update={"broker_url": f"redis://127.0.0.1:{free_port()}/0"})
    with application(nobody, broker=CeleryBroker(nobody)) as app:
        began = time.monotonic()
        owner, invitation = invite(Api(app.test_client()))
        assert time.monotonic() - began < 3
    with run.jobs():
        eventually(are_done(settings))
    assert created(owner.get(invitation))["delivery"] == "sent"


@on_postgresql
def test_a_worker_leaves_a_silent_database_and_goes_on_when_it_speaks_again(
    api: Api, settings: Settings, run: Programs, postgres_server: Postgres
) -> None:
    """By itself: its time limit, which is much longer in production, would end it as well."""
    log = run.folder / "worker.log"
    with run.jobs():
        invite(api)
        eventually(are_done(settings))
        with silent(postgres_server):
            eventually(lambda: "ServiceUnavailable" in log.read_text(), seconds=10)
        time.sleep(1.1)
        invite(api)
        eventually(are_done(settings))
    assert "TimeLimitExceeded" not in log.read_text()
