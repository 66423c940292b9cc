"""The Celery configuration, and the broker through which jobs are published."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from celery import Celery, Task
from kombu import Connection
from kombu.exceptions import ChannelError

from project.config import Settings
from worker.task_limits import celery_limits

_TIMEOUT_SECONDS = 2
_DEFAULT_QUEUE = "worker"


class CeleryBroker:
    """Publishes jobs by name, so that the publisher does not have to import the tasks."""

    def __init__(self, settings: Settings) -> None:
        self._celery = make_celery(settings)

    def publish(self, name: str, job_id: UUID) -> None:
        """Publish a job. Raises within seconds if the broker is down or unresponsive."""
        self._celery.send_task(name, args=[str(job_id)], retry=False)

    def check(self) -> None:
        """Raise if the broker is unavailable."""
        with _connection(self._celery):
            pass


def make_celery(settings: Settings, *, task_cls: type[Task[Any, Any]] = Task) -> Celery:
    """Return a Celery application without tasks, configured by `settings`. Does not connect."""
    celery = Celery("groundwork", set_as_current=False, task_cls=task_cls)
    limits = celery_limits(settings.job_time_limit_seconds)
    # Messages are acknowledged when the job starts (no `task_acks_late`): a redelivered message could not claim the job
    # before its lease expires.
    celery.conf.update(
        **_transport(settings),
        **{f"task_{name}": seconds for name, seconds in limits.items()},
        accept_content=["json"],
        task_ignore_result=True,
        task_default_queue=_DEFAULT_QUEUE,
        task_routes=_route,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_disable_rate_limits=True,
        worker_hijack_root_logger=False,
        broker_connection_timeout=_TIMEOUT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        enable_utc=True,
    )
    return celery


def queue_of(name: str) -> str:
    """Return the queue for a task.

    Each blueprint has its own queue, and workers consume from them in turn, so that emails do not wait for thumbnails.
    """
    blueprint, dot, _task = name.partition(".")
    return blueprint if dot else _DEFAULT_QUEUE


def _route(name: str, *_call: Any, **_options: Any) -> dict[str, str]:
    return {"queue": queue_of(name)}


def consume_from_queues(celery: Celery, names: Iterable[str]) -> None:
    """Make the workers of this Celery application consume from the queues of the named tasks."""
    celery.amqp.queues.select(sorted({queue_of(name) for name in names}))


def queue_lengths(celery: Celery) -> dict[str, int]:
    """Return the number of messages in each queue of `celery`. Raises within seconds if the broker is unavailable."""
    with _connection(celery) as connection:
        return {queue: _queue_length(queue, connection) for queue in celery.amqp.queues}


def _queue_length(queue: str, connection: Connection) -> int:
    # A broker may close the channel if the queue does not exist, so use a separate channel for each queue.
    channel: Any
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except ChannelError:
            return 0


@contextmanager
def _connection(celery: Celery) -> Iterator[Connection]:
    with celery.connection_for_write(transport_options=celery.conf.broker_transport_options) as connection:
        connection.ensure_connection(max_retries=1, timeout=_TIMEOUT_SECONDS)
        yield connection


def _transport(settings: Settings) -> dict[str, Any]:
    if settings.broker_url.startswith("file:"):
        return _filesystem_transport(Path(unquote(urlsplit(settings.broker_url).path)))
    timeouts = ("socket_timeout", "socket_connect_timeout", "read_timeout", "write_timeout")
    options: dict[str, Any] = dict.fromkeys(timeouts, _TIMEOUT_SECONDS)
    return {**_broker_urls(settings.broker_url), "broker_transport_options": options}


def _filesystem_transport(folder: Path) -> dict[str, Any]:
    """Return the configuration of the filesystem broker. If a message is lost, its job is published again."""
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
        **_broker_urls("filesystem://localhost"),
        "broker_transport": "worker.filesystem_broker:Transport",
        "broker_transport_options": options,
    }


def _broker_urls(url: str) -> dict[str, str]:
    # The `celery` command of Celery 5.7.0 uses our setting BROKER_URL as the default of its `--broker` option, which
    # overrides `broker_url`. The read and write URLs take precedence over that option.
    return dict.fromkeys(("broker_url", "broker_read_url", "broker_write_url"), url)
