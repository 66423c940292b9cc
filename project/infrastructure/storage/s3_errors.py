"""Translates errors of the S3 client and the network into errors of the storage interface."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from project.infrastructure.storage.errors import ObjectMissing, unavailable

# PreconditionFailed: the object was replaced while a reader was open, so the opened version no longer exists.
_GONE = {"NoSuchKey", "PreconditionFailed"}
# minio 7.2.20 raises ParseError and ValueError if the response is not from an S3 store.
_FAULTS = (MinioException, HTTPError, OSError, ParseError, ValueError)

_log = logging.getLogger(__name__)


@contextmanager
def store_errors(key: str) -> Iterator[None]:
    """Raise ObjectMissing or StorageUnavailable instead of the client's errors, and log the cause."""
    try:
        yield
    except _FAULTS as error:
        if isinstance(error, S3Error) and error.code in _GONE:
            raise ObjectMissing(key) from error
        _log.warning("object store error: %s: %s", type(error).__name__, error)
        raise unavailable() from error
