"""Run operations in child processes that kill themselves at a given step.

Usage: `python -m tests.interruptions.killed_process`. Each line of input is a JSON object with an operation and
`kill_at`, the step at which to kill the process. The program runs the operation in a new child process and prints its
exit code and steps. If the operation fails, the last step contains the error.
"""

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from celery import current_app as celery
from flask import Flask
from sqlalchemy import Engine, event

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db
from project.infrastructure.jobs.publisher import Publisher
from worker import republish  # noqa: F401 - the import registers its task
from worker.broker import CeleryBroker, make_celery
from worker.discovery import import_tasks


class Steps:
    """Writes each step of this process to a pipe before the step is taken, and kills the process at `kill_at`."""

    def __init__(self, pipe: int, kill_at: str | None) -> None:
        self._pipe = pipe
        self._kill_at = kill_at
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def reach(self, kind: str, detail: str = "") -> None:
        with self._lock:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            step = f"{kind} {number} {detail}".strip()
            os.write(self._pipe, f"{step}\n".encode())
            if step == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()


class Traced:
    """Wraps an external dependency, such as the mailer. Each call is one step, and each return is another."""

    def __init__(self, dependency: Any, name: str, steps: Steps) -> None:
        self._dependency, self._name, self._steps = dependency, name, steps

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._steps.reach(f"before {self._name}.{method}")
            result = getattr(self._dependency, method)(*map(self._traced, arguments))
            self._steps.reach(f"after {self._name}.{method}")
            return result

        return call

    def _traced(self, argument: Any) -> Any:
        return self._chunks(argument) if isinstance(argument, Iterable) and not isinstance(argument, str) else argument

    def _chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._steps.reach("after chunk")


def main() -> None:
    settings = Settings.load()
    app = create_app(settings)
    make_celery(settings).set_default()
    import_tasks(app)
    for line in sys.stdin:
        operation = json.loads(line)
        print(json.dumps(_run_in_child(app, settings, operation)), flush=True)


def _run_in_child(app: Flask, settings: Settings, operation: dict[str, Any]) -> dict[str, Any]:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _run_and_exit(app, settings, operation, Steps(write_end, operation.pop("kill_at", None)))
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        steps = pipe.read().splitlines()
    return {"exit_code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "steps": steps}


def _run_and_exit(app: Flask, settings: Settings, operation: dict[str, Any], steps: Steps) -> None:
    try:
        _trace(app, settings, steps)
        _run(app, operation)
        app.extensions["publisher"]._drain()
        os._exit(0)
    except BaseException as error:
        traceback.print_exc()
        steps.reach("failed", repr(error))
        os._exit(1)


def _trace(app: Flask, settings: Settings, steps: Steps) -> None:
    event.listen(Engine, "before_cursor_execute", lambda *call: steps.reach("statement", _first_words(call[2])))
    event.listen(Engine, "commit", lambda _connection: steps.reach("commit"))
    with app.app_context():
        _trace_commits(db.engine.dialect, steps)
    for name in ("storage", "mailer"):
        app.extensions[name] = Traced(app.extensions[name], name, steps)
    app.extensions["broker"] = Traced(CeleryBroker(settings), "broker", steps)
    app.extensions["publisher"] = Publisher(app.extensions["broker"])


def _trace_commits(dialect: Any, steps: Steps) -> None:
    commit = dialect.do_commit

    def commit_and_report(connection: Any) -> None:
        commit(connection)
        steps.reach("committed")

    dialect.do_commit = commit_and_report


def _first_words(statement: str) -> str:
    return " ".join(statement.split()[:3])


def _run(app: Flask, operation: dict[str, Any]) -> None:
    if "task" in operation:
        with app.app_context():
            celery.tasks[operation["task"]].run(*operation["arguments"])
        return
    if "data" in operation:
        operation["data"] = operation["data"].encode("latin-1")
    response = app.test_client().open(**operation)
    assert response.status_code < 300, response.get_data(as_text=True)


if __name__ == "__main__":
    main()
