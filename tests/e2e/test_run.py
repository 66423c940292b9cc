"""`./bin/run` starts and stops all processes together, and reports each invalid setting on one line."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from aiosmtpd.controller import Controller

from tests.kit.clients.api import Api
from tests.kit.clients.remote import Remote
from tests.kit.deployment.programs import BIN, ROOT, find_processes
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import eventually

RUN = [sys.executable, "-m", "project.cli.run"]


@dataclass
class Instance:
    """A started instance. `folder` is its DATA_DIR."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str

    def log(self) -> str:
        return (self.folder / "run.log").read_text(errors="replace")

    def pid_of(self, command_part: str) -> int:
        return min(pid for pid, command in find_processes(self.folder).items() if command_part in command)

    def wait_for_exit(self) -> int:
        """Wait until the instance exits and return the exit status. Fails if any of its processes keep running."""
        status = self.process.wait(30)
        eventually(lambda: find_processes(self.folder) == {}, 5)
        return status


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Instance]:
    """Start an instance in a new process group, as a shell does. Does not wait until it is ready."""
    port = settings.pop("PORT", None) or str(free_port())
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "PORT": port, **settings}
    folder.mkdir(exist_ok=True)
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen(
            RUN, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield Instance(process, folder, f"http://127.0.0.1:{port}")
    finally:
        for pid in find_processes(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Instance]:
    """Start an instance and wait until it reports that it is ready."""
    with started(folder, **settings) as instance:
        eventually(lambda: "Groundwork is ready" in instance.log() or instance.process.poll() is not None, 60)
        assert instance.process.poll() is None, instance.log()
        yield instance


def press_ctrl_c(instance: Instance) -> None:
    """Send SIGINT to the whole process group, as a terminal does."""
    os.killpg(instance.process.pid, signal.SIGINT)


def urls_in(log: str) -> list[str]:
    """Return the URLs that the instance prints once it is ready."""
    urls = re.findall(r"http://\S+", log.partition("Groundwork is ready")[2])
    assert len(urls) == 3
    return [url.replace("localhost", "127.0.0.1") for url in urls]


def create_invitation(instance: Instance) -> None:
    owner = Api(Remote(instance.url)).as_new_user()  # type: ignore[arg-type]
    owner.invitation(owner.organization()["id"], "grace@example.org")


@pytest.mark.full
@pytest.mark.parametrize("delay", [step / 5 for step in range(16)])
def test_ctrl_c_during_startup_stops_all_processes(tmp_path: Path, delay: float) -> None:
    """The delay starts with the migration. Before that, Python itself is starting and would print a traceback."""
    with started(tmp_path) as instance:
        eventually(lambda: any("db upgrade" in command for command in find_processes(tmp_path).values()))
        time.sleep(delay)
        press_ctrl_c(instance)
        assert instance.wait_for_exit() == 0
    assert "Traceback" not in instance.log()


class SlowMailServer:
    """A mail server that takes two seconds to accept an email."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802
        self.has_begun.set()
        await asyncio.sleep(2)
        return "250 OK"


def test_instance_finishes_its_running_job_before_it_stops_and_can_be_restarted(tmp_path: Path) -> None:
    server, port = SlowMailServer(), free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    with running(tmp_path, MAIL_URL=f"smtp://127.0.0.1:{port}?tls=none") as instance:
        assert all(urllib3.request("GET", url).status == 200 for url in urls_in(instance.log()))
        create_invitation(instance)
        assert server.has_begun.wait(20)
        press_ctrl_c(instance)
        assert instance.wait_for_exit() == 0
    controller.stop()
    assert "job.done" in instance.log()
    assert "Traceback" not in instance.log()
    began = time.monotonic()
    with running(tmp_path) as instance:
        assert time.monotonic() - began < 30
        create_invitation(instance)
        eventually(lambda: any((instance.folder / "mail").glob("*.eml")))
        instance.process.terminate()
        assert instance.wait_for_exit() == 0
    assert "Traceback" not in instance.log()


@pytest.mark.parametrize(
    "process",
    ["worker.app beat", *(pytest.param(each, marks=pytest.mark.full) for each in ("gunicorn", "worker.app worker"))],
)
def test_instance_exits_with_an_error_if_one_of_its_processes_is_killed(tmp_path: Path, process: str) -> None:
    with running(tmp_path) as instance:
        os.kill(instance.pid_of(process), signal.SIGKILL)
        assert instance.wait_for_exit() != 0


def test_port_in_use_is_reported_on_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with started(tmp_path, PORT=port) as instance:
            assert instance.wait_for_exit() != 0
    assert instance.log().strip() == f"PORT: cannot listen on port {port}: Address already in use"


INVALID_SETTINGS = {
    "PUBLIC_URL": "nowhere",
    "BROKER_URL": "pigeon://loft",
    "SECRET_KEY": "short",
    "MAX_JSON_BYTES": "much",
}
PROGRAMS = {
    "run": RUN,
    "gunicorn": [str(BIN / "gunicorn"), "wsgi:app"],
    "flask": [str(BIN / "flask"), "--app", "wsgi", "db", "upgrade"],
    "worker": [str(BIN / "celery"), "--app", "worker.app", "worker"],
    "beat": [str(BIN / "celery"), "--app", "worker.app", "beat"],
}


def startup_error(program: str, folder: Path, **settings: str) -> str:
    """Return the output of a program that must fail to start."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "APP_ENV": "development", **settings}
    result = subprocess.run(PROGRAMS[program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode != 0
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    "program", ["run", *(pytest.param(each, marks=pytest.mark.full) for each in PROGRAMS if each != "run")]
)
def test_each_invalid_setting_is_reported_on_one_line(program: str, tmp_path: Path) -> None:
    output = startup_error(program, tmp_path, **INVALID_SETTINGS)
    assert "Traceback" not in output
    assert [re.sub(r":.*", "", line) for line in output.splitlines() if line] == list(INVALID_SETTINGS)


def test_invalid_port_is_reported(tmp_path: Path) -> None:
    assert startup_error("run", tmp_path, PORT="0").startswith("PORT: ")


@pytest.mark.parametrize("program", ["run", pytest.param("worker", marks=pytest.mark.full)])
def test_url_with_an_invalid_option_is_reported_on_one_line(program: str, tmp_path: Path) -> None:
    output = startup_error(program, tmp_path, MAIL_URL="smtp://127.0.0.1?tls=perhaps", PORT=str(free_port()))
    assert "Traceback" not in output
    assert re.findall(r"^MAIL_URL: .*$", output, re.MULTILINE)
