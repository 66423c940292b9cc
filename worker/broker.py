"""Celery as this project uses it: a carrier of job ids, that never keeps a request waiting."""

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
    """Publishes jobs by name: who publishes need not know the task."""

    def __init__(self, settings: Settings) -> None:
        self._celery = make_celery(settings)

    def publish(self, name: str, job_id: UUID) -> None:
        """Hand a job over; raises within seconds when the broker is away or silent."""
        self._celery.send_task(name, args=[str(job_id)], retry=False)

    def check(self) -> None:
        """Raises unless the broker can be reached."""
        with _connection(self._celery):
            pass


def make_celery(settings: Settings, *, task_cls: type[Task[Any, Any]] = Task) -> Celery:
    """A Celery application by `settings`, without tasks. Connects to nothing."""
    celery = Celery("groundwork", set_as_current=False, task_cls=task_cls)
    limits = celery_limits(settings.job_time_limit_seconds)
    # A message is acknowledged when its job begins: sent again, it could do nothing before the lease is over.
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
    """The queue of a task: one for each blueprint, taken from in turn, so that mail need not wait for pictures."""
    blueprint, dot, _task = name.partition(".")
    return blueprint if dot else _DEFAULT_QUEUE


def _route(name: str, *_call: Any, **_options: Any) -> dict[str, str]:
    return {"queue": queue_of(name)}


def consume_from_queues(celery: Celery, names: Iterable[str]) -> None:
    """Have workers of `celery` take the tasks called so from their queues."""
    celery.amqp.queues.select(sorted({queue_of(name) for name in names}))


def queue_lengths(celery: Celery) -> dict[str, int]:
    """How many messages wait in each queue of `celery`; raises within seconds when the broker is away."""
    with _connection(celery) as connection:
        return {queue: _queue_length(queue, connection) for queue in celery.amqp.queues}


def _queue_length(queue: str, connection: Connection) -> int:
    # A broker may close the channel on which it is asked for a queue that is not there.
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
        return _on_disk(Path(unquote(urlsplit(settings.broker_url).path)))
    bounded = ("socket_timeout", "socket_connect_timeout", "read_timeout", "write_timeout")
    options: dict[str, Any] = dict.fromkeys(bounded, _TIMEOUT_SECONDS)
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
        "broker_transport": "worker.filesystem_broker:Transport",
        "broker_transport_options": options,
    }


def _at(url: str) -> dict[str, str]:
    # Celery's command takes BROKER_URL, which is ours, for its own; it yields to these two alone.
    return dict.fromkeys(("broker_url", "broker_read_url", "broker_write_url"), url)
