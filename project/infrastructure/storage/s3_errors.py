"""What an S3-compatible store, its SDK and the network raise, in the words of the boundary."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from project.infrastructure.storage.errors import ObjectMissing, unavailable

# The last: the object behind an open reader was replaced, so the one that was opened is gone.
_GONE = {"NoSuchKey", "PreconditionFailed"}
# The last two are how the SDK fails on an answer that no store would give.
_FAULTS = (MinioException, HTTPError, OSError, ParseError, ValueError)

_log = logging.getLogger(__name__)


@contextmanager
def store_errors(key: str) -> Iterator[None]:
    """Raise ObjectMissing or StorageUnavailable instead, and log why."""
    try:
        yield
    except _FAULTS as error:
        if isinstance(error, S3Error) and error.code in _GONE:
            raise ObjectMissing(key) from error
        _log.warning("the object store failed: %s: %s", type(error).__name__, error)
        raise unavailable() from error
