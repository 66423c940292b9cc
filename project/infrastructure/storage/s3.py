"""Storage in a bucket of an S3-compatible store.

The access key needs permission to read, write, delete and list. Without list permission, stores return 403 instead of
404 for a missing object.
"""

import io
from collections.abc import Iterable
from typing import BinaryIO, cast

from minio import Minio
from urllib3 import BaseHTTPResponse, PoolManager

from project.infrastructure.storage.errors import ObjectMissing
from project.infrastructure.storage.s3_errors import store_errors
from project.infrastructure.storage.s3_http import object_http, probe_http
from project.infrastructure.storage.s3_reader import S3Reader
from project.infrastructure.storage.s3_upload import Source
from project.infrastructure.storage.storage_key import ensure_key
from project.infrastructure.storage.url import Bucket

# S3's minimum part size. The SDK holds three parts in memory. S3 allows at most 10,000 parts per object, so an object
# can have at most 48 GiB.
_PART_BYTES = 5 * 1024 * 1024
_BUFFER_BYTES = 64 * 1024


class S3Storage:
    """Implements Storage. Not fork-safe: each process must open its own."""

    def __init__(self, bucket: Bucket) -> None:
        """Create the clients without connecting. Raises ValueError for an invalid host or region."""
        self._bucket = bucket.name
        self._client = _client(bucket, object_http())
        self._probe = _client(bucket, probe_http())

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Upload in parts. The object becomes visible when the upload is complete."""
        ensure_key(key)
        source = Source(chunks)
        try:
            with store_errors(key):
                self._upload(key, source)
        except Exception:
            # Aborting the upload may have failed as well. Raise the original error.
            if source.error is None:
                raise
        if source.error is not None:
            raise source.error

    def open(self, key: str) -> BinaryIO:
        """Return a reader that fetches the content on the first read. Raises ObjectMissing."""
        ensure_key(key)
        try:
            with store_errors(key):
                object_info = self._client.stat_object(self._bucket, key)
        except ObjectMissing:
            # A missing bucket looks the same as a missing object, since the response to HEAD has no body.
            self.check()
            raise
        raw = S3Reader(key, object_info.size or 0, lambda position: self._fetch(key, object_info.etag, position))
        return io.BufferedReader(raw, _BUFFER_BYTES)

    def delete(self, key: str) -> None:
        """Delete the object. S3 returns the same response whether it existed or not."""
        ensure_key(key)
        with store_errors(key):
            self._client.remove_object(self._bucket, key)

    def check(self) -> None:
        """Check the host, the access key and the bucket with one small request."""
        with store_errors(""):
            if not self._probe.bucket_exists(self._bucket):
                raise OSError(f"the bucket {self._bucket} does not exist")

    def _upload(self, key: str, source: Source) -> None:
        # By default, minio 7.2.20 uploads in three threads, which hold six parts and keep sending after an abort.
        result = self._client.put_object(
            self._bucket,
            key,
            cast(BinaryIO, source),
            length=-1,
            part_size=_PART_BYTES,
            num_parallel_uploads=1,
        )
        # S3 may return 200 for CompleteMultipartUpload with an error in the body.
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
