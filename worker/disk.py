"""The embedded broker: kombu's transport on files, which shows a message before it is whole."""

import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Puts a message by rename: read half-written, it would end the worker."""

    def _put(self, queue: str, message: Any, **_options: Any) -> None:
        # The name sorts by time and ends in the queue's, as the reader expects it.
        file = Path(self.data_folder_out, f"{monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg")
        draft = file.with_suffix(".draft")
        draft.write_text(dumps(message))
        draft.replace(file)


class Transport(filesystem.Transport):
    """Files in a folder."""

    Channel = Channel
