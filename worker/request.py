"""The worker's Celery request class. A request is a message that the worker has received."""

from typing import Any

from celery.worker.request import Request as CeleryRequest


class Request(CeleryRequest):
    """A request that raises if its message cannot be acknowledged, so that the worker reconnects.

    Celery 5.7.0 passes `_connection_errors` to kombu's `Message.ack_log_error`, which only logs these errors. The
    message then counts against the prefetch limit forever. A worker at that limit requests no more messages, and never
    notices that its connection is lost. With no errors to catch, the exception reaches the consumer, which reconnects.
    https://github.com/celery/kombu/blob/v5.7.0/kombu/message.py
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connection_errors = ()
