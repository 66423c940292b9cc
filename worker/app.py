"""Jobs entry point: `celery --app worker.app worker`, `celery --app worker.app beat`."""

import importlib
from importlib.util import find_spec
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, worker_init, worker_shutting_down
from flask import Flask

from project.app import create_app
from project.config import Settings
from project.infrastructure import metrics
from worker import republish  # noqa: F401 - its task is registered by being imported
from worker.broker import CeleryBroker, consume_from_queues, make_celery
from worker.schedule import schedule
from worker.task_limits import release_jobs_after


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
    _serve_metrics(app, settings)
    worker.finalize()
    consume_from_queues(worker, [name for name in worker.tasks if not name.startswith("celery.")])
    return worker


def _task_in(app: Flask) -> type[Task[Any, Any]]:
    class TaskInContext(Task[Any, Any]):
        Request = "worker.request:Request"

        def __call__(self, *args: Any, **options: Any) -> Any:
            with app.app_context():
                return self.run(*args, **options)

    return TaskInContext


def _serve_metrics(app: Flask, settings: Settings) -> None:
    """Have the worker's main process answer for all its children; other programs of Celery have no metrics."""

    # Not when it is ready: that it becomes when it reaches its broker.
    @worker_init.connect(weak=False)
    def serve(**_signal: Any) -> None:
        if settings.metrics_port is not None:
            metrics.serve(app, settings.host, settings.metrics_port)


@setup_logging.connect
def _keep_our_logs(**_signal: Any) -> None:
    """create_app() has set logging up; a receiver keeps Celery from doing it again."""


@worker_shutting_down.connect
def _give_back_what_takes_long(**_signal: Any) -> None:
    release_jobs_after(Settings.load().job_shutdown_grace_seconds)


celery = create_worker()
