"""Errors raised by the file storage."""

from project import errors


class StorageUnavailable(errors.Unavailable):
    """The file storage is down, full or too slow. No file was changed."""

    code = "storage-unavailable"
    title = "Storage unavailable"
    remedy = "Retry the same request after the number of seconds in `Retry-After`. Other routes still work."


class ObjectMissing(Exception):
    """An object that should exist is missing. The message is its key."""


def unavailable() -> StorageUnavailable:
    """Return the error that clients receive. It does not contain the cause, which is only logged."""
    return StorageUnavailable(retry_after=5)
