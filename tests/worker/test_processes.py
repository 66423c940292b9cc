"""Real workers with real brokers: jobs complete even if messages or connections are lost."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from project.config import Settings
from tests.kit.clients.api import Api, success
from tests.kit.deployment.programs import Programs, programs
from tests.kit.faults.frozen_postgres import frozen
from tests.kit.fixtures.apps import application, separate_app_context
from tests.kit.fixtures.jobs import list_jobs
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import eventually
from tests.kit.servers.services import Postgres
from worker.broker import CeleryBroker

PICTURE = Path(__file__).parents[1].joinpath("data", "photos", "coffee.png").read_bytes()
SHORT_DELAYS = {
    "job_republish_delay_seconds": 1,
    "republish_interval_seconds": 1,
    "job_time_limit_seconds": 4,
    "job_initial_backoff_seconds": 1,
}

# The filesystem broker is tested only with `--full`, since the test of `./bin/run` also covers it.
on_both_brokers = pytest.mark.parametrize("broker", ["redis", pytest.param("filesystem", marks=pytest.mark.full)])
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def broker() -> str:
    """The kind of broker to use. Tests may parametrize this fixture."""
    return "redis"


@pytest.fixture
def settings(request: pytest.FixtureRequest, settings: Settings, broker: str) -> Settings:
    if broker == "filesystem":
        return settings.model_copy(update=SHORT_DELAYS)
    url: str = request.getfixturevalue("redis_url")
    with Redis.from_url(url) as client:
        client.flushall()
    return settings.model_copy(update={**SHORT_DELAYS, "broker_url": url})


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """A client of an application that publishes its jobs to a real broker."""
    with application(settings, broker=CeleryBroker(settings)) as app:
        yield Api(app.test_client())


@pytest.fixture
def run(settings: Settings) -> Programs:
    return programs(settings, **{name.upper(): str(value) for name, value in SHORT_DELAYS.items()})


def all_done(settings: Settings) -> Callable[[], bool]:
    def done() -> bool:
        with separate_app_context(settings):
            return {row.status for row in list_jobs()} == {"done"}

    return done


def mailbox(settings: Settings) -> list[Path]:
    return list((settings.data_dir / "mail").glob("*.eml"))


def invite(api: Api) -> tuple[Api, str]:
    """Create an invitation, and return the inviter's client and the invitation's path."""
    owner = api.as_new_user()
    path = f"/organizations/{owner.organization()['id']}/invitations"
    return owner, f"{path}/{success(owner.post(path, {'email': 'grace@example.org', 'role': 'member'}))['id']}"


@on_both_brokers
@on_postgresql
def test_worker_completes_jobs_enqueued_by_requests(api: Api, settings: Settings, run: Programs) -> None:
    with run.worker():
        owner, invitation = invite(api)
        file = success(owner.upload(PICTURE, "coffee.png"))
        eventually(all_done(settings))
    assert success(owner.get(f"/files/{file['id']}"))["thumbnails"]["status"] == "ready"
    assert success(owner.get(invitation))["delivery"] == "sent"
    assert [path.name.partition("_")[0] for path in sorted(mailbox(settings))] == ["invitation", "verification"]


@pytest.mark.full
@on_sqlite
def test_jobs_enqueued_while_broker_is_unavailable_are_completed_later(
    api: Api, settings: Settings, run: Programs
) -> None:
    unreachable = settings.model_copy(update={"broker_url": f"redis://127.0.0.1:{free_port()}/0"})
    with application(unreachable, broker=CeleryBroker(unreachable)) as app:
        started_at = time.monotonic()
        owner, invitation = invite(Api(app.test_client()))
        assert time.monotonic() - started_at < 3
    with run.jobs():
        eventually(all_done(settings))
    assert success(owner.get(invitation))["delivery"] == "sent"


@on_postgresql
def test_worker_recovers_from_unresponsive_database(
    api: Api, settings: Settings, run: Programs, postgres_server: Postgres
) -> None:
    """The worker must detect the outage instead of relying on its time limit, which is much longer in production."""
    log = run.folder / "worker.log"
    with run.jobs():
        invite(api)
        eventually(all_done(settings))
        with frozen(postgres_server):
            eventually(lambda: "ServiceUnavailable" in log.read_text(), seconds=10)
        time.sleep(1.1)
        invite(api)
        eventually(all_done(settings))
    assert "TimeLimitExceeded" not in log.read_text()
