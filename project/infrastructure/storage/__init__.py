"""Storage of file contents: a small interface to a local folder or an S3-compatible store."""

from collections.abc import Iterable
from typing import BinaryIO, Protocol, cast

from flask import Flask, current_app

from project.config import InvalidSettings, Settings
from project.infrastructure.storage.errors import ObjectMissing, StorageUnavailable
from project.infrastructure.storage.local import LocalStorage
from project.infrastructure.storage.url import parse_bucket, parse_directory, scheme_of

__all__ = ["ObjectMissing", "Storage", "StorageUnavailable", "current_storage", "init_app", "open_storage"]


class Storage(Protocol):
    """Stores objects under opaque keys such as `ab/cdef/original`. No key may be a parent folder of another.

    Every method raises StorageUnavailable if the store is down, is full or denies access, and ValueError for an
    invalid key.
    """

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Store the bytes from `chunks` atomically and in bounded memory, replacing any existing object.

        An exception raised by `chunks` is propagated unchanged, and nothing is stored.
        """

    def open(self, key: str) -> BinaryIO:
        """Return a seekable reader, which the caller must close. Raises ObjectMissing."""

    def delete(self, key: str) -> None:
        """Delete the object, if it exists. On disk, also deletes the drafts of killed `put` calls for this key."""

    def check(self) -> None:
        """Check that the store is available and grants access. Cheap enough for a readiness probe."""


def open_storage(url: str) -> Storage:
    """Return the storage at `url`. Does not connect. Raises ValueError with a message that contains no secret.

    The URL is `file:///absolute/folder` or `s3://KEY:SECRET@HOST:PORT/BUCKET?secure=true&region=…`, with each part
    percent-encoded.
    """
    if scheme_of(url) == "file":
        return LocalStorage(parse_directory(url))
    bucket = parse_bucket(url)
    # Importing the MinIO SDK takes 0.2 s, which local storage does not need.
    from project.infrastructure.storage.s3 import S3Storage

    return S3Storage(bucket)


def init_app(app: Flask, settings: Settings) -> None:
    """Open the storage for `app`, as configured in `settings`. Raises InvalidSettings."""
    try:
        app.extensions["storage"] = open_storage(settings.storage_url)
    except ValueError as error:
        raise InvalidSettings(f"STORAGE_URL: {error}") from error


def current_storage() -> Storage:
    """Return the storage of the current application."""
    return cast(Storage, current_app.extensions["storage"])
