"""Does what it is told in children that kill themselves at a step: `python -m tests.interruptions.killed_process`.

Takes a line of JSON for each child, an order and the step to die at, and answers with the steps it came to.
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
from sqlalchemy.orm import Session

from project.app import create_app
from project.config import Settings
from project.infrastructure.jobs.publisher import Publisher
from worker import republish  # noqa: F401 - its task is registered by being imported
from worker.broker import CeleryBroker, make_celery
from worker.tasks import files, invitations  # noqa: F401 - their tasks are registered by being imported


class Steps:
    """Announces each step of this process before it is taken, and kills the process at one of them."""

    def __init__(self, announcements: int, kill_at: str | None) -> None:
        self._announcements = announcements
        self._kill_at = kill_at
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def reach(self, kind: str, what: str = "") -> None:
        with self._lock:
            number = self._seen[kind] = self._seen.get(kind, 0) + 1
            step = f"{kind} {number} {what}".strip()
            os.write(self._announcements, f"{step}\n".encode())
            if step == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()


class Watched:
    """Stands before a part of the world, and makes each call of it a step, and its return another."""

    def __init__(self, part: Any, name: str, steps: Steps) -> None:
        self._part, self._name, self._steps = part, name, steps

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._steps.reach(f"before {self._name}.{method}")
            answer = getattr(self._part, method)(*map(self._watched, arguments))
            self._steps.reach(f"after {self._name}.{method}")
            return answer

        return call

    def _watched(self, argument: Any) -> Any:
        return self._chunks(argument) if isinstance(argument, Iterable) and not isinstance(argument, str) else argument

    def _chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._steps.reach("within the bytes")


def main() -> None:
    settings = Settings.load()
    app = create_app(settings)
    make_celery(settings).set_default()
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(_in_child(app, settings, order)), flush=True)


def _in_child(app: Flask, settings: Settings, order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _live(app, settings, order, Steps(writing, order.pop("kill_at", None)))
    os.close(writing)
    with os.fdopen(reading) as announcements:
        steps = announcements.read().splitlines()
    return {"ended": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "steps": steps}


def _live(app: Flask, settings: Settings, order: dict[str, Any], steps: Steps) -> None:
    try:
        _watch(app, settings, steps)
        _obey(app, order)
        app.extensions["publisher"]._drain()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _watch(app: Flask, settings: Settings, steps: Steps) -> None:
    event.listen(Engine, "before_cursor_execute", lambda *call: steps.reach("statement", _words(call[2])))
    event.listen(Engine, "commit", lambda _connection: steps.reach("commit"))
    event.listen(Session, "after_commit", lambda _session: steps.reach("committed"))
    for part in ("storage", "mailer"):
        app.extensions[part] = Watched(app.extensions[part], part, steps)
    app.extensions["broker"] = Watched(CeleryBroker(settings), "broker", steps)
    app.extensions["publisher"] = Publisher(app.extensions["broker"])


def _words(statement: str) -> str:
    return " ".join(statement.split()[:3])


def _obey(app: Flask, order: dict[str, Any]) -> None:
    if "task" in order:
        with app.app_context():
            celery.tasks[order["task"]].run(*order["arguments"])
        return
    if "data" in order:
        order["data"] = order["data"].encode("latin-1")
    answer = app.test_client().open(**order)
    assert answer.status_code < 300, answer.get_data(as_text=True)


if __name__ == "__main__":
    main()
