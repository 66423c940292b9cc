"""`./bin/run`: everything starts, serves and ends together, and mistakes are said in a line."""

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
from tests.kit.deployment.programs import BIN, ROOT, of_folder
from tests.kit.servers.ports import free_port
from tests.kit.servers.process import eventually

RUN = [sys.executable, "-m", "project.cli.run"]


@dataclass
class Instance:
    """One that was started; `folder` is its DATA_DIR."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str

    def log(self) -> str:
        return (self.folder / "run.log").read_text(errors="replace")

    def pid_of(self, words: str) -> int:
        return min(pid for pid, command in of_folder(self.folder).items() if words in command)

    def ended(self) -> int:
        """Its exit status; fails if a process of it is left."""
        status = self.process.wait(30)
        eventually(lambda: of_folder(self.folder) == {}, 5)
        return status


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Instance]:
    """One that was started, in a process group of its own as a shell would; ready or not."""
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
        for pid in of_folder(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Instance]:
    """One that has said that it is ready."""
    with started(folder, **settings) as instance:
        eventually(lambda: "Groundwork is ready" in instance.log() or instance.process.poll() is not None, 60)
        assert instance.process.poll() is None, instance.log()
        yield instance


def press_ctrl_c(instance: Instance) -> None:
    """What a terminal does: the whole group hears it."""
    os.killpg(instance.process.pid, signal.SIGINT)


def test_it_starts_serves_and_ends_with_sigterm_and_does_so_again_in_seconds_with_ctrl_c(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        assert all(urllib3.request("GET", address).status == 200 for address in addresses_in(instance.log()))
        instance.process.terminate()
        assert instance.ended() == 0
    began = time.monotonic()
    with running(tmp_path) as instance:
        seconds = time.monotonic() - began
        print(f"the second start took {seconds:.1f} s")
        assert seconds < 30
        assert a_mail_arrives(instance)
        press_ctrl_c(instance)
        assert instance.ended() == 0
    assert "Traceback" not in instance.log()


def addresses_in(log: str) -> list[str]:
    """Where it says that it serves."""
    addresses = re.findall(r"http://\S+", log.partition("Groundwork is ready")[2])
    assert len(addresses) == 3
    return [address.replace("localhost", "127.0.0.1") for address in addresses]


def a_mail_arrives(instance: Instance) -> bool:
    """Whether web and worker work together."""
    owner = Api(Remote(instance.url)).signed_in()  # type: ignore[arg-type]
    owner.invitation(owner.organization()["id"], "grace@example.org")
    eventually(lambda: any((instance.folder / "mail").glob("*.eml")))
    return True


@pytest.mark.full
@pytest.mark.parametrize("delay", [0.8, *(1 + step / 20 for step in range(20)), 2.5, 3.0])
def test_ctrl_c_at_any_time_of_the_start_ends_all_of_it(tmp_path: Path, delay: float) -> None:
    """Before 0.8 s Python itself is starting, and says so."""
    with started(tmp_path) as instance:
        time.sleep(delay)
        press_ctrl_c(instance)
        assert instance.ended() == 0
    assert "Traceback" not in instance.log()


class SlowMailServer:
    """Takes two seconds for a mail."""

    def __init__(self) -> None:
        self.began = threading.Event()

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802

        self.began.set()
        await asyncio.sleep(2)
        return "250 OK"


def test_a_job_that_is_being_done_is_done_before_the_end(tmp_path: Path) -> None:
    server, port = SlowMailServer(), free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    with running(tmp_path, MAIL_URL=f"smtp://127.0.0.1:{port}?tls=none") as instance:
        owner = Api(Remote(instance.url)).signed_in()  # type: ignore[arg-type]
        owner.invitation(owner.organization()["id"], "grace@example.org")
        assert server.began.wait(20)
        press_ctrl_c(instance)
        assert instance.ended() == 0
    controller.stop()
    assert "job.done" in instance.log()


@pytest.mark.parametrize(
    "part",
    ["worker.app beat", *(pytest.param(each, marks=pytest.mark.full) for each in ("gunicorn", "worker.app worker"))],
)
def test_a_part_that_is_killed_ends_all_of_it_with_a_failure(tmp_path: Path, part: str) -> None:
    with running(tmp_path) as instance:
        os.kill(instance.pid_of(part), signal.SIGKILL)
        assert instance.ended() != 0


def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with started(tmp_path, PORT=port) as instance:
            assert instance.ended() != 0
    assert instance.log().strip() == f"PORT: {port} cannot be had: Address already in use"


MISTAKES = {"PUBLIC_URL": "nowhere", "BROKER_URL": "pigeon://loft", "SECRET_KEY": "short", "MAX_JSON_BYTES": "much"}
PROGRAMS = {
    "run": RUN,
    "gunicorn": [str(BIN / "gunicorn"), "wsgi:app"],
    "flask": [str(BIN / "flask"), "--app", "wsgi", "db", "upgrade"],
    "worker": [str(BIN / "celery"), "--app", "worker.app", "worker"],
    "beat": [str(BIN / "celery"), "--app", "worker.app", "beat"],
}


def refused(program: str, folder: Path, **settings: str) -> str:
    """What a program says that does not start."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "APP_ENV": "development", **settings}
    done = subprocess.run(PROGRAMS[program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_mistake_in_the_settings_is_a_line(program: str, tmp_path: Path) -> None:
    said = refused(program, tmp_path, **MISTAKES)
    assert "Traceback" not in said
    assert [re.sub(r":.*", "", line) for line in said.splitlines() if line] == list(MISTAKES)


def test_a_port_that_cannot_be_one_is_a_line(tmp_path: Path) -> None:
    assert refused("run", tmp_path, PORT="0").startswith("PORT: ")


@pytest.mark.parametrize("program", ["run", "worker"])
def test_a_url_that_only_its_part_understands_is_a_line_too(program: str, tmp_path: Path) -> None:
    said = refused(program, tmp_path, MAIL_URL="smtp://127.0.0.1?tls=perhaps", PORT=str(free_port()))
    assert "Traceback" not in said
    assert re.findall(r"^MAIL_URL: .*$", said, re.MULTILINE)
