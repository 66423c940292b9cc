"""Where the bytes of files are kept: one small interface; a folder or an S3-compatible store behind it."""

from collections.abc import Iterable
from typing import BinaryIO, Protocol, cast

from flask import Flask, current_app

from project.config import InvalidSettings, Settings
from project.infrastructure.storage.errors import ObjectMissing, StorageUnavailable
from project.infrastructure.storage.local import LocalStorage
from project.infrastructure.storage.url import parse_bucket, parse_directory, scheme_of

__all__ = ["ObjectMissing", "Storage", "StorageUnavailable", "current_storage", "init_app", "open_storage"]


class Storage(Protocol):
    """Objects under opaque keys such as `ab/cdef/original`; no key is a folder of another.

    Everything raises StorageUnavailable when the store is away, full or refuses us, and ValueError for
    what cannot be a key.
    """

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Store what `chunks` yields, whole or not at all, in bounded memory; replaces what was there.

        What `chunks` raises comes out unchanged, and nothing is stored.
        """

    def open(self, key: str) -> BinaryIO:
        """A seekable reader, for the caller to close; raises ObjectMissing."""

    def delete(self, key: str) -> None:
        """Remove the object, and on disk what a killed `put` of it left; that there is none is no error."""

    def check(self) -> None:
        """Return if the store can be reached and would have us; cheap enough for a readiness probe."""


def open_storage(url: str) -> Storage:
    """The storage at `url`; connects to nothing yet. Raises ValueError, whose message holds no secret.

    `file:///absolute/folder` or `s3://KEY:SECRET@HOST:PORT/BUCKET?secure=true&region=…`, each part
    percent-encoded.
    """
    if scheme_of(url) == "file":
        return LocalStorage(parse_directory(url))
    bucket = parse_bucket(url)
    # The SDK takes a fifth of a second to import, which whoever stores on disk need not wait for.
    from project.infrastructure.storage.s3 import S3Storage

    return S3Storage(bucket)


def init_app(app: Flask, settings: Settings) -> None:
    """Open what `settings` name for `app`. Raises InvalidSettings."""
    try:
        app.extensions["storage"] = open_storage(settings.storage_url)
    except ValueError as error:
        raise InvalidSettings(f"STORAGE_URL: {error}") from error


def current_storage() -> Storage:
    """The storage of the application that is at work."""
    return cast(Storage, current_app.extensions["storage"])
