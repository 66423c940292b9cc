"""Jobs entry point: `celery --app worker.app worker`, `celery --app worker.app beat`."""

import importlib
import signal
from importlib.util import find_spec
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, worker_process_init
from flask import Flask

from project.app import create_app
from project.config import Settings
from worker import relay  # noqa: F401 - its task is registered by being imported
from worker.broker import CeleryBroker, make_celery
from worker.schedule import schedule


def create_worker() -> Celery:
    """Celery with the task of every job, each in the context of the application."""
    settings = Settings.load()
    app = create_app(settings, broker=CeleryBroker(settings))
    worker = make_celery(settings, task_cls=_task_in(app))
    worker.set_default()
    worker.conf.beat_schedule = schedule(settings)
    for name in app.blueprints:
        if find_spec(f"project.blueprints.{name}.jobs"):
            importlib.import_module(f"worker.tasks.{name}")
    worker.finalize()
    return worker


def _task_in(app: Flask) -> type[Task[Any, Any]]:
    class TaskInContext(Task[Any, Any]):
        def __call__(self, *args: Any, **options: Any) -> Any:
            with app.app_context():
                return self.run(*args, **options)

    return TaskInContext


@setup_logging.connect
def _keep_our_logs(**_signal: Any) -> None:
    """create_app() has set logging up; a receiver keeps Celery from doing it again."""


@worker_process_init.connect
def _leave_ending_to_the_parent(**_signal: Any) -> None:
    """A process manager signals the whole group: a child that obeyed would cut its job off."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


celery = create_worker()
