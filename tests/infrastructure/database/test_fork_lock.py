"""A forked child opens its own database connections, and a fork waits until other threads leave `delay_forks`."""

import subprocess
import sys
from pathlib import Path

import pytest

from project.config import Settings

ROOT = Path(__file__).parents[3]

CONNECTION_SCRIPT = """
import os
from sqlalchemy import text
from project.app import create_app
from project.config import Settings
from project.infrastructure.database import read

def backend_pid():
    with app.app_context(), read() as connection:
        return connection.scalar(text("SELECT pg_backend_pid()"))

app = create_app(Settings.load())
parent_pid = backend_pid()
child = os.fork()
if child == 0:
    os._exit(int(backend_pid() == parent_pid))
_pid, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, "the child used its parent's connection"
assert backend_pid() == parent_pid, "the child closed its parent's connection"
"""
DELAY_SCRIPT = """
import os, sys, threading, time
from project.infrastructure.database import fork_lock

def read():
    with fork_lock.delay_forks():
        has_started.set()
        time.sleep(seconds)
        has_finished.set()

has_started, has_finished = threading.Event(), threading.Event()
seconds, fork_lock.MAX_DELAY_SECONDS = map(float, sys.argv[1:])
threading.Thread(target=read, daemon=True).start()
has_started.wait()
for _ in range(2):
    child = os.fork()
    if child == 0:
        with fork_lock.delay_forks():
            os._exit(int(has_finished.is_set()))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(int(fork_lock._fork_lock.lock.locked()))
"""


def run(script: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_forked_child_opens_its_own_connection(settings: Settings, tmp_path: Path) -> None:
    run(CONNECTION_SCRIPT, APP_ENV="development", DATA_DIR=str(tmp_path), DATABASE_URL=settings.database_url)


def test_fork_waits_until_another_thread_leaves_delay_forks_block() -> None:
    assert run(DELAY_SCRIPT, "0.5", "30").split() == ["1", "1", "0"]


def test_fork_proceeds_after_maximum_delay() -> None:
    assert run(DELAY_SCRIPT, "1000", "0.1").split() == ["0", "0", "1"]
