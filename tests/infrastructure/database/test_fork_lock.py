"""What a forked process must not have of its parent."""

import subprocess
import sys
from pathlib import Path

import pytest

from project.config import Settings

ROOT = Path(__file__).parents[3]

CONNECTED = """
import os
from sqlalchemy import text
from project.app import create_app
from project.config import Settings
from project.infrastructure.database import read

def server_process():
    with app.app_context(), read() as connection:
        return connection.scalar(text("SELECT pg_backend_pid()"))

app = create_app(Settings.load())
mine = server_process()
child = os.fork()
if child == 0:
    os._exit(int(server_process() == mine))
_pid, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, "the child used the connection of its parent"
assert server_process() == mine, "the child closed the connection of its parent"
"""
READING = """
import os, sys, threading, time
from project.infrastructure import forks

def read():
    with forks.put_off():
        has_begun.set()
        time.sleep(seconds)
        has_ended.set()

has_begun, has_ended = threading.Event(), threading.Event()
seconds, forks.PATIENCE_SECONDS = map(float, sys.argv[1:])
threading.Thread(target=read, daemon=True).start()
has_begun.wait()
for _ in range(2):
    child = os.fork()
    if child == 0:
        with forks.put_off():
            os._exit(int(has_ended.is_set()))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(int(forks._gate.lock.locked()))
"""


def run(script: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_forked_process_leaves_the_connections_of_its_parent_alone(settings: Settings, tmp_path: Path) -> None:
    run(CONNECTED, APP_ENV="development", DATA_DIR=str(tmp_path), DATABASE_URL=settings.database_url)


def test_fork_waits_for_a_thread_that_must_not_be_copied() -> None:
    assert run(READING, "0.5", "30").split() == ["1", "1", "0"]


def test_fork_does_not_wait_forever() -> None:
    assert run(READING, "1000", "0.1").split() == ["0", "0", "1"]
