"""Entry point of the worker: `celery --app worker.app worker` and `celery --app worker.app beat`."""

from worker import metrics_folder  # noqa: F401 - must precede the import of prometheus_client

# isort: split
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, worker_init, worker_shutting_down
from flask import Flask

from project.app import create_app
from project.config import Settings
from project.infrastructure import metrics
from worker import republish  # noqa: F401 - the import registers its task
from worker.broker import CeleryBroker, consume_from_queues, make_celery
from worker.discovery import import_tasks
from worker.schedule import schedule
from worker.task_limits import release_jobs_after


def create_worker() -> Celery:
    """Return a Celery application with the tasks of all jobs. Each task runs in the application context."""
    settings = Settings.load()
    app = create_app(settings, broker=CeleryBroker(settings))
    worker = make_celery(settings, task_cls=_task_in(app))
    worker.set_default()
    worker.conf.beat_schedule = schedule(app)
    import_tasks(app)
    _serve_metrics(settings)
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


def _serve_metrics(settings: Settings) -> None:
    """Serve metrics from the worker's main process, for all its children. `celery beat` serves none."""

    # Not `worker_ready`, which is sent only after the worker has connected to the broker.
    @worker_init.connect(weak=False)
    def serve(**_signal: Any) -> None:
        if settings.metrics_port is not None:
            metrics.serve(settings.host, settings.metrics_port)


@setup_logging.connect
def _keep_logging_configuration(**_signal: Any) -> None:
    """Do nothing. Celery configures logging only if this signal has no receiver, and create_app() has configured it."""


@worker_shutting_down.connect
def _release_unfinished_jobs(**_signal: Any) -> None:
    release_jobs_after(Settings.load().job_shutdown_grace_seconds)


celery = create_worker()
