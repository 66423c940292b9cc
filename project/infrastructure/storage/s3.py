"""Objects in a bucket of an S3-compatible store.

The key needs to read, write, delete and list: without the last, stores answer 403 where 404 is meant.
"""

import io
from collections.abc import Iterable
from typing import BinaryIO, cast

from minio import Minio
from urllib3 import BaseHTTPResponse, PoolManager

from project.infrastructure.storage.errors import ObjectMissing
from project.infrastructure.storage.s3_errors import store_errors
from project.infrastructure.storage.s3_http import hasty_http, patient_http
from project.infrastructure.storage.s3_reader import S3Reader
from project.infrastructure.storage.s3_upload import Source
from project.infrastructure.storage.storage_key import ensure_key
from project.infrastructure.storage.url import Bucket

# The least that S3 takes. The SDK holds three parts at once, and 10,000 of them make 48 GiB.
_PART_BYTES = 5 * 1024 * 1024
_BUFFER_BYTES = 64 * 1024


class S3Storage:
    """Keeps the promises of a Storage. Not to be used across a fork: each process opens its own."""

    def __init__(self, bucket: Bucket) -> None:
        """Connects to nothing; raises ValueError for a host or region that cannot be."""
        self._bucket = bucket.name
        self._client = _client(bucket, patient_http())
        self._probe = _client(bucket, hasty_http())

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Upload in parts, of which the store shows nothing before the last is in."""
        ensure_key(key)
        source = Source(chunks)
        try:
            with store_errors(key):
                self._upload(key, source)
        except Exception:
            # Aborting may have failed as well; the first fault is the one to tell.
            if source.error is None:
                raise
        if source.error is not None:
            raise source.error

    def open(self, key: str) -> BinaryIO:
        """A reader that knows its size, and asks for bytes when they are wanted."""
        ensure_key(key)
        try:
            with store_errors(key):
                found = self._client.stat_object(self._bucket, key)
        except ObjectMissing:
            # A missing bucket looks the same in an answer without a body.
            self.check()
            raise
        raw = S3Reader(key, found.size or 0, lambda position: self._fetch(key, found.etag, position))
        return io.BufferedReader(raw, _BUFFER_BYTES)

    def delete(self, key: str) -> None:
        """S3 answers the same whether there was an object or not."""
        ensure_key(key)
        with store_errors(key):
            self._client.remove_object(self._bucket, key)

    def check(self) -> None:
        """One small request, which proves host, key and bucket."""
        with store_errors(""):
            if not self._probe.bucket_exists(self._bucket):
                raise OSError(f"there is no bucket {self._bucket}")

    def _upload(self, key: str, source: Source) -> None:
        # By default three threads of the SDK hold six parts, and still send them after the abort.
        result = self._client.put_object(
            self._bucket,
            key,
            cast(BinaryIO, source),
            length=-1,
            part_size=_PART_BYTES,
            num_parallel_uploads=1,
        )
        # A store may answer 200 to the last request of an upload, and put an error into the body.
        if not result.etag:
            raise OSError("the store did not confirm the upload")

    def _fetch(self, key: str, etag: str | None, position: int) -> BaseHTTPResponse:
        unchanged: dict[str, str | list[str] | tuple[str]] = {"If-Match": f'"{etag}"'}
        return self._client.get_object(self._bucket, key, offset=position, request_headers=unchanged)


def _client(bucket: Bucket, http: PoolManager) -> Minio:
    return Minio(
        bucket.endpoint,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        secure=bucket.secure,
        region=bucket.region,
        http_client=http,
    )
