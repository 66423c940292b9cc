"""Receiving bytes: counted, digested and typed on their way into the store."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from project.blueprints.files.content_type import Detector
from project.blueprints.files.errors import FileTooLarge, FileTypeNotAllowed
from project.errors import ValidationFailed
from project.infrastructure.storage import Storage


@dataclass(frozen=True)
class Receipt:
    """What arrived; `size` is in bytes, `sha256` in hex."""

    size: int
    sha256: str
    content_type: str


class _Meter:
    def __init__(self, chunks: Iterable[bytes], detector: Detector, most_bytes: int) -> None:
        self._chunks = chunks
        self._detector = detector
        self._most_bytes = most_bytes
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._most_bytes:
                raise FileTooLarge(f"A file may have {self._most_bytes} bytes.")
            self.digest.update(chunk)
            self._detector.feed(chunk)
            yield chunk


def receive(
    storage: Storage,
    key: str,
    chunks: Iterable[bytes],
    *,
    filename: str,
    most_bytes: int,
    allowed_types: Iterable[str],
) -> Receipt:
    """Stream `chunks` to `key`. Raises FileTooLarge, FileTypeNotAllowed, and what `chunks` or the store raise."""
    detector = Detector(filename)
    meter = _Meter(chunks, detector, most_bytes)
    storage.put(key, meter)
    if meter.size == 0:
        raise ValidationFailed(errors=[{"pointer": "/file", "location": "files", "detail": "The file is empty."}])
    content_type = detector.result() or ""
    if content_type not in allowed_types:
        raise FileTypeNotAllowed(f"Its bytes are {content_type}.")
    return Receipt(meter.size, meter.digest.hexdigest(), content_type)
