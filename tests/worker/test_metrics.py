"""Metrics of real workers, including workers whose child processes are killed or whose broker is unavailable."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from redis import Redis
from urllib3.exceptions import HTTPError

from project.blueprints.invitations.jobs import SEND_INVITATION
from project.config import Settings
from project.infrastructure import metrics
from tests.kit.clients.api import Api
from tests.kit.clients.metrics import Samples, parse_metrics, scrape_metrics
from tests.kit.deployment.programs import Programs, child_pids, programs
from tests.kit.fixtures.apps import application, separate_app_context
from tests.kit.fixtures.jobs import age_job, enqueue_job
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import eventually
from worker.broker import CeleryBroker
from worker.runner import JobPolicy, run_job

ROOT = Path(__file__).parents[2]
_host_numbers = count(1)
OLDEST = ("groundwork_oldest_job_age_seconds",)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@dataclass
class MailServer:
    """A mail server whose reply depends on the recipient's local part. It never replies if the recipient is unknown."""

    has_blocked_client: bool = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        replies = {"owner": "250 OK", "done": "250 OK", "failed": "451 Later", "dead": "554 Never"}
        name = envelope.rcpt_tos[0].partition("@")[0]
        while name not in replies:
            self.has_blocked_client = True
            await asyncio.sleep(0.05)
        return replies[name]


@dataclass(frozen=True)
class Scene:
    """A user who sends invitations, a mail server, and programs whose worker serves metrics."""

    settings: Settings
    run: Programs
    owner: Api
    organization_id: str
    mail_server: MailServer

    def invite(self, name: str) -> None:
        self.owner.invitation(self.organization_id, f"{name}@host{next(_host_numbers)}.example.com")

    def scrape(self) -> Samples:
        return scrape_metrics(self.port)

    def value_of(self, *labels: str) -> Callable[[], float]:
        """Return a function that returns a metric's value for invitation jobs, or a falsy value if unavailable."""
        name, *other_labels = labels
        return lambda: self.serves_metrics() and self.scrape().get((name, SEND_INVITATION, *other_labels), 0)

    def serves_metrics(self) -> bool:
        try:
            self.scrape()
        except HTTPError:
            return False
        return True

    @property
    def port(self) -> int:
        assert self.settings.metrics_port is not None
        return self.settings.metrics_port

    def is_job_blocked(self) -> bool:
        return self.mail_server.has_blocked_client


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    with Redis.from_url(redis_url) as client:
        client.flushall()
    return settings.model_copy(update={"broker_url": redis_url, "metrics_port": free_port()})


@pytest.fixture
def scene(settings: Settings) -> Iterator[Scene]:
    server, mail_port = MailServer(), free_port()
    controller = Controller(server, hostname="127.0.0.1", port=mail_port)
    controller.start()
    environment = {"METRICS_PORT": str(settings.metrics_port), "MAIL_URL": f"smtp://127.0.0.1:{mail_port}?tls=none"}
    with application(settings, broker=CeleryBroker(settings)) as app:
        owner = Api(app.test_client()).as_new_user("owner@example.com")
        yield Scene(settings, programs(settings, **environment), owner, owner.organization()["id"], server)
    controller.stop()


def attempts(scene: Scene) -> dict[str, float]:
    """Return the numbers of attempts to send an invitation, by outcome."""
    counter = ("groundwork_job_attempts_total", SEND_INVITATION)
    return {labels[2]: value for labels, value in scene.scrape().items() if labels[:2] == counter}


@on_postgresql
def test_attempts_are_counted_by_outcome(scene: Scene) -> None:
    with scene.run.worker("--concurrency 1") as worker:
        for name in ("done", "failed", "dead", "unknown"):
            scene.invite(name)
        eventually(scene.is_job_blocked)
        [child] = child_pids(worker.pid)
        os.kill(child, signal.SIGUSR2)
        eventually(scene.value_of("groundwork_job_attempts_total", "released"))
        assert attempts(scene) == dict.fromkeys(("done", "failed", "dead", "released"), 1)
        samples = scene.scrape()
    assert samples["groundwork_job_duration_seconds_count", SEND_INVITATION] == 4
    assert samples["groundwork_job_delay_seconds_count", SEND_INVITATION] == 4


@on_postgresql
def test_counts_are_kept_if_child_process_is_killed(scene: Scene) -> None:
    done = scene.value_of("groundwork_job_attempts_total", "done")
    with scene.run.worker("--concurrency 1") as worker:
        scene.invite("done")
        eventually(lambda: done() == 1)
        [child] = child_pids(worker.pid)
        os.kill(child, signal.SIGKILL)
        eventually(lambda: child_pids(worker.pid) not in ([], [child]))
        assert done() == 1
        scene.invite("done")
        eventually(lambda: done() == 2)


@on_sqlite
def test_worker_serves_metrics_while_broker_is_unavailable(scene: Scene) -> None:
    unreachable = f"redis://127.0.0.1:{free_port()}/0"
    with Programs(scene.run.folder, {**scene.run.environment, "BROKER_URL": unreachable}).worker():
        eventually(scene.serves_metrics)


def test_metrics_folder_is_removed_when_its_worker_exits_or_after_it_was_killed(tmp_path: Path) -> None:
    script = "from worker import metrics_folder; import os; print(os.environ['PROMETHEUS_MULTIPROC_DIR'], flush=True)"

    def start(ending: str = "") -> Path:
        command = [sys.executable, "-c", f"{script}; {ending}"]
        output = subprocess.check_output(command, cwd=ROOT, env={"TMPDIR": str(tmp_path)}, text=True)
        return Path(output.strip())

    other = tmp_path / "groundwork-worker-x"
    other.mkdir()
    killed = start(ending="os._exit(0)")
    with (killed / "lock").open() as held_by_a_child:
        fcntl.flock(held_by_a_child, fcntl.LOCK_EX)
        start()
        assert sorted(tmp_path.iterdir()) == sorted([killed, other])
    start()
    assert list(tmp_path.iterdir()) == [other]


@on_postgresql
def test_age_of_oldest_job_grows_until_job_is_done(settings: Settings) -> None:
    ages = []
    with separate_app_context(settings):
        job_id = enqueue_job()
        for _ in range(2):
            age_job(job_id, 100)
            ages.append(parse_metrics(metrics.render().decode())[OLDEST])
        run_job(job_id, JobPolicy(lambda: None))
        ages.append(parse_metrics(metrics.render().decode())[OLDEST])
    assert 100 <= ages[0] < 150
    assert 200 <= ages[1] < 250
    assert ages[2] == 0
