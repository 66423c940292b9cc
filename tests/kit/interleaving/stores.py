"""A storage and a mailer in memory. Each access is a step, and their contents are part of the outcome."""

from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from flask import Flask

from project.infrastructure.mail import Message
from project.infrastructure.storage import ObjectMissing
from tests.kit.interleaving.actors import current_actor
from tests.kit.interleaving.steps import Rows, Step


class Stores:
    """Replaces the storage and the mailer of `app`."""

    def __init__(self, app: Flask) -> None:
        self._objects: dict[str, bytes] = {}
        self._saved: dict[str, bytes] = {}
        self._messages: list[Message] = []
        app.extensions["storage"] = app.extensions["mailer"] = self

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Store an object."""
        content = b"".join(chunks)
        _reach(Step(f"put {key}", locks=_object(key)))
        self._objects[key] = content

    def open(self, key: str) -> BinaryIO:
        """Return a reader for an object."""
        _reach(Step(f"open {key}", locks=_object(key)))
        if key not in self._objects:
            raise ObjectMissing(key)
        return BytesIO(self._objects[key])

    def delete(self, key: str) -> None:
        """Delete an object."""
        # The order of two deletions has no effect.
        _reach(Step(f"delete {key}", shares=_object(key)))
        self._objects.pop(key, None)

    def check(self) -> None:
        """Do nothing, because this storage is always available."""

    def send(self, message: Message) -> None:
        """Record a message."""
        _reach(Step(f"send {message.message_id}"))
        self._messages.append(message)

    def save(self) -> None:
        """Save the present contents for `restore`."""
        self._saved = dict(self._objects)

    def restore(self) -> None:
        """Restore the saved objects, and forget all messages."""
        self._objects = dict(self._saved)
        self._messages.clear()

    def rows(self) -> list[tuple[str, str]]:
        """Return the contents in the same form as `Snapshot.rows`."""
        objects = [("objects", f"{key}: {sha256(content).hexdigest()}") for key, content in self._objects.items()]
        return sorted(objects) + sorted(("messages", repr(message)) for message in self._messages)


def _object(key: str) -> frozenset[Rows]:
    return frozenset({Rows("objects", key)})


def _reach(step: Step) -> None:
    if actor := current_actor():
        actor.reach(step)
