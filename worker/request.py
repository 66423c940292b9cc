"""A message that a worker has taken."""

from typing import Any

from celery.worker.request import Request as CeleryRequest


class Request(CeleryRequest):
    """One whose acknowledgement fails aloud, so that the worker connects again.

    Celery writes the failure to its log and goes on; the message counts as held from then on, and a worker that may
    hold no more asks for none, nor finds out that its connection is gone.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connection_errors = ()
