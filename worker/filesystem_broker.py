"""The filesystem broker: kombu's filesystem transport with atomic writes.

kombu 5.7.0 writes messages and exchange tables in place (`kombu/transport/filesystem.py`), so a worker may read a
partly written file and exit with a decoding error. `Channel` overrides three private methods to prevent this.
https://github.com/celery/kombu/blob/v5.7.0/kombu/transport/filesystem.py
"""

import uuid
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes messages and exchange tables to a draft and renames it, so that readers never see a partial file."""

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        try:
            return super()._get(queue)
        except OSError as error:
            # The folder cannot be read at the moment. Report an empty queue, since this error would stop the worker.
            raise Empty from error

    # kombu's type stubs contradict each other here.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        # kombu's `_get` expects names that sort by time and end in the name of the queue.
        file = Path(self.data_folder_out, f"{monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg")
        _write(file, dumps(payload))

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str) -> None:
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        table = self.get_table(exchange)
        if binding not in table:
            _write(Path(self.control_folder, f"{exchange}.exchange"), dumps([binding, *table]))


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f"{uuid.uuid4()}.draft")
    draft.write_text(text)
    draft.replace(file)


class Transport(filesystem.Transport):
    """The filesystem transport with atomic writes."""

    Channel = Channel
