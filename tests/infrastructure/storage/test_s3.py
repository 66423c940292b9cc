"""Failures that occur only with S3 storage.

A real store is used where it can be made to fail. A scripted HTTP server simulates the other failures.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from uuid import uuid4

import pytest

from project.infrastructure.storage import ObjectMissing, Storage, StorageUnavailable, open_storage, s3_http
from tests.kit.servers.ports import free_port
from tests.kit.servers.scripted_http import Handler, reply, scripted_server
from tests.kit.servers.services import S3

MIB = 1024 * 1024
PART = 5 * MIB
UPLOAD_STARTED = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"


def all_operations(storage: Storage) -> list[Callable[[], object]]:
    return [
        storage.check,
        lambda: storage.put("ab/cd", [b"x"]),
        lambda: storage.put("ab/cd", [bytes(PART + 1)]),
        lambda: storage.open("ab/cd"),
        lambda: storage.delete("ab/cd"),
    ]


def storage_at(port: int) -> Storage:
    return open_storage(f"s3://key:secret@127.0.0.1:{port}/bucket?secure=false&region=us-east-1")


@contextmanager
def scripted_store(**responses: Handler) -> Iterator[Storage]:
    with scripted_server(**responses) as port:
        yield storage_at(port)


@pytest.mark.parametrize("operation", range(5))
def test_closed_port_raises_storage_unavailable_within_seconds(operation: int) -> None:
    started = time.monotonic()
    with pytest.raises(StorageUnavailable) as raised:
        all_operations(storage_at(free_port()))[operation]()
    assert raised.value.retry_after == 5
    assert time.monotonic() - started < 5


def test_check_of_unresponsive_store_fails_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            storage_at(server.getsockname()[1]).check()
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("operation", range(5))
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (":s3cret", ":guess"),
        ("groundwork:", "intruder:"),
        ("/objects?", "/elsewhere?"),
        ("/objects?", "/elsewhere?region=us-east-1&"),
    ],
)
def test_wrong_credentials_or_bucket_raise_storage_unavailable(
    s3_url: str, right: str, wrong: str, operation: int
) -> None:
    assert right in s3_url
    with pytest.raises(StorageUnavailable):
        all_operations(open_storage(s3_url.replace(right, wrong)))[operation]()


@pytest.mark.parametrize("error", [ConnectionResetError, SystemExit])
def test_aborted_upload_leaves_no_parts(s3_server: S3, error: type[BaseException]) -> None:
    def failing_chunks() -> Iterator[bytes]:
        yield bytes(2 * PART + 1)
        assert len(pending_uploads(s3_server, key)) == 1
        raise error

    key = f"ab/{uuid4().hex}"
    with pytest.raises(error):
        open_storage(s3_server.url).put(key, failing_chunks())
    assert pending_uploads(s3_server, key) == []


def pending_uploads(server: S3, key: str) -> list[object]:
    return list(server.client()._list_multipart_uploads("objects", prefix=key).uploads)


def test_reader_does_not_mix_old_and_new_content_of_replaced_object(s3_url: str) -> None:
    storage, key = open_storage(s3_url), f"ab/{uuid4().hex}"
    storage.put(key, [b"a" * MIB])
    with storage.open(key) as file:
        file.read(10)
        storage.put(key, [b"b" * MIB])
        file.seek(MIB // 2)
        with pytest.raises(ObjectMissing):
            file.read(10)


@pytest.mark.parametrize("status", [500, 503, 507])
def test_storage_unavailable_is_raised_within_seconds_despite_long_retry_after(status: int) -> None:
    started = time.monotonic()
    with scripted_store(ANY=reply(status=status, Retry_After="3600")) as storage:
        for operation in all_operations(storage):
            with pytest.raises(StorageUnavailable):
                operation()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"<html>", b"<a/>"])
@pytest.mark.parametrize("status", [400, 403, 409, 418])
def test_storage_unavailable_is_raised_if_server_is_not_an_s3_store(status: int, body: bytes) -> None:
    with scripted_store(ANY=reply(body, status), HEAD=reply(status=status)) as storage:
        for operation in all_operations(storage):
            with pytest.raises(StorageUnavailable):
                operation()


def test_error_in_200_response_raises_storage_unavailable() -> None:
    error = b"<Error><Code>InternalError</Code></Error>"
    post_responses = iter([reply(UPLOAD_STARTED), reply(error)])

    def post(request: BaseHTTPRequestHandler) -> None:
        next(post_responses)(request)

    part, deleted = reply(ETag='"1"'), reply(status=204)
    with scripted_store(PUT=part, POST=post, ANY=deleted) as storage, pytest.raises(StorageUnavailable):
        storage.put("ab/cd", [bytes(PART + 1)])


def test_original_error_is_raised_even_if_aborting_the_upload_fails() -> None:
    def failing_chunks() -> Iterator[bytes]:
        yield bytes(PART + 1)
        raise ConnectionResetError

    part, started, failing = reply(ETag='"1"'), reply(UPLOAD_STARTED), reply(status=500)
    with scripted_store(PUT=part, POST=started, ANY=failing) as storage, pytest.raises(ConnectionResetError):
        storage.put("ab/cd", failing_chunks())


def test_reading_truncated_object_raises_storage_unavailable() -> None:
    def send_half(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        request.wfile.write(bytes(500_000))
        request.close_connection = True

    size = reply(Content_Length="1000000", ETag='"1"')
    with scripted_store(HEAD=size, ANY=send_half) as storage, storage.open("ab/cd") as file:
        assert len(file.read(100_000)) == 100_000
        with pytest.raises(StorageUnavailable):
            file.read()


def test_slow_upload_is_not_limited_by_connect_or_idle_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(request: BaseHTTPRequestHandler) -> None:
        time.sleep(2.5)
        for _ in range(24):
            request.rfile.read(MIB // 2)
            time.sleep(0.1)
        del request.headers["Content-Length"]
        reply()(request)

    # The first pause exceeds the connect timeout; the whole upload exceeds the idle timeout.
    monkeypatch.setattr(s3_http._Connection, "idle_timeout_seconds", 3)
    with scripted_server(ANY=slow) as port:
        response = s3_http.object_http().request("PUT", f"http://127.0.0.1:{port}/", body=bytes(12 * MIB))
    assert response.status == 200


@pytest.mark.parametrize(
    ("sent_at_once", "sent_slowly"),
    [(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), (b"HTTP/1.1 200 OK\r\n\r\n", UPLOAD_STARTED)],
    ids=["head", "body"],
)
def test_storage_unavailable_is_raised_within_seconds_if_store_responds_byte_by_byte(
    sent_at_once: bytes, sent_slowly: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def respond_slowly(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.wfile.write(sent_at_once)
        with suppress(ConnectionError):
            for byte in sent_slowly:
                request.wfile.write(bytes([byte]))
                time.sleep(0.2)

    monkeypatch.setattr(s3_http._Connection, "idle_timeout_seconds", 0.5)
    started = time.monotonic()
    with scripted_store(ANY=respond_slowly) as storage, pytest.raises(StorageUnavailable):
        storage.put("ab/cd", [bytes(PART + 1)])
    assert time.monotonic() - started < 5
