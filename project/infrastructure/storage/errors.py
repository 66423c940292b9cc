"""What goes wrong between this service and its store."""

from project import errors


class StorageUnavailable(errors.Unavailable):
    """The store that keeps the contents of files is down, full or too slow. No file was changed."""

    code = "storage-unavailable"
    title = "Storage unavailable"
    remedy = "Send the same request again after the seconds in `Retry-After`. All else goes on working."


class ObjectMissing(Exception):
    """An object that should exist does not; the message is its key."""


def unavailable() -> StorageUnavailable:
    """The refusal, without the reason: that is for the log."""
    return StorageUnavailable(retry_after=5)
