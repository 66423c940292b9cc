"""Celery as this project uses it: a carrier of job ids, that never keeps a request waiting."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from celery import Celery, Task

from project.config import Settings

_PATIENCE_SECONDS = 2


class CeleryBroker:
    """Publishes jobs by name: who publishes need not know the task."""

    def __init__(self, settings: Settings) -> None:
        self._celery = make_celery(settings)

    def publish(self, name: str, job_id: UUID) -> None:
        """Hand a job over; raises within seconds when the broker is away or silent."""
        self._celery.send_task(name, args=[str(job_id)], retry=False)

    def check(self) -> None:
        """Raises unless the broker can be reached."""
        with self._celery.connection_for_write(transport_options=self._celery.conf.broker_transport_options) as link:
            link.ensure_connection(max_retries=1, timeout=_PATIENCE_SECONDS)


def make_celery(settings: Settings, *, task_cls: type[Task[Any, Any]] = Task) -> Celery:
    """A Celery application by `settings`, without tasks. Connects to nothing."""
    celery = Celery("groundwork", set_as_current=False, task_cls=task_cls)
    celery.conf.update(
        **_transport(settings),
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=settings.job_time_limit_seconds,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_timeout=_PATIENCE_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        enable_utc=True,
    )
    return celery


def _transport(settings: Settings) -> dict[str, Any]:
    if settings.broker_url.startswith("file:"):
        return _on_disk(Path(unquote(urlsplit(settings.broker_url).path)))
    bounded = ("socket_timeout", "socket_connect_timeout", "read_timeout", "write_timeout")
    options: dict[str, Any] = dict.fromkeys(bounded, _PATIENCE_SECONDS)
    return {**_at(settings.broker_url), "broker_transport_options": options}


def _on_disk(folder: Path) -> dict[str, Any]:
    """Losing a message there is harmless: the job table is the truth."""
    queues, control = folder / "queues", folder / "control"
    for path in (queues, control):
        path.mkdir(parents=True, exist_ok=True)
    options = {
        "data_folder_in": str(queues),
        "data_folder_out": str(queues),
        "control_folder": str(control),
        "polling_interval": 0.2,
    }
    return {
        **_at("filesystem://localhost"),
        "broker_transport": "worker.disk:Transport",
        "broker_transport_options": options,
    }


def _at(url: str) -> dict[str, str]:
    # Celery's command takes BROKER_URL, which is ours, for its own; it yields to these two alone.
    return dict.fromkeys(("broker_url", "broker_read_url", "broker_write_url"), url)
