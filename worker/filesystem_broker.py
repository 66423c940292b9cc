"""The embedded broker: kombu's transport on files, which shows a message before it is whole."""

import uuid
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes by rename: a message or a table of bindings that is read half-written ends the worker."""

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        try:
            return super()._get(queue)
        except OSError as error:
            # A folder that cannot be read has no messages now; it would end the worker.
            raise Empty from error

    # kombu's stubs contradict each other here.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        # The name sorts by time and ends in the queue's, as the reader expects it.
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
    """Files in a folder."""

    Channel = Channel
