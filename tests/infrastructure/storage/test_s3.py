"""What only a store across the network can suffer.

A real store has the word where it can be brought to the fault; for the others a few lines of HTTP misbehave.
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
from tests.kit.servers.scripted_http import Answer, reply, server_answering
from tests.kit.servers.services import S3

MIB = 1024 * 1024
PART = 5 * MIB
UPLOAD_STARTED = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"


def every_use(storage: Storage) -> list[Callable[[], object]]:
    return [
        storage.check,
        lambda: storage.put("ab/cd", [b"x"]),
        lambda: storage.put("ab/cd", [bytes(PART + 1)]),
        lambda: storage.open("ab/cd"),
        lambda: storage.delete("ab/cd"),
    ]


def at(port: int) -> Storage:
    return open_storage(f"s3://key:secret@127.0.0.1:{port}/bucket?secure=false&region=us-east-1")


@contextmanager
def store_answering(**answers: Answer) -> Iterator[Storage]:
    with server_answering(**answers) as port:
        yield at(port)


@pytest.mark.parametrize("use", range(5))
def test_a_refused_connection_is_unavailable_soon(use: int) -> None:
    started = time.monotonic()
    with pytest.raises(StorageUnavailable) as refused:
        every_use(at(free_port()))[use]()
    assert refused.value.retry_after == 5
    assert time.monotonic() - started < 5


def test_a_silent_store_fails_its_check_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            at(silent.getsockname()[1]).check()
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("use", range(5))
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (":s3cret", ":guess"),
        ("groundwork:", "nobody:"),
        ("/objects?", "/elsewhere?"),
        ("/objects?", "/elsewhere?region=us-east-1&"),
    ],
)
def test_being_refused_is_unavailable(s3_url: str, right: str, wrong: str, use: int) -> None:
    assert right in s3_url
    with pytest.raises(StorageUnavailable):
        every_use(open_storage(s3_url.replace(right, wrong)))[use]()


@pytest.mark.parametrize("error", [ConnectionResetError, SystemExit])
def test_a_broken_upload_leaves_no_parts_to_pay_for(s3_server: S3, error: type[BaseException]) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(2 * PART + 1)
        assert len(pending(s3_server, key)) == 1
        raise error

    key = f"ab/{uuid4().hex}"
    with pytest.raises(error):
        open_storage(s3_server.url).put(key, broken())
    assert pending(s3_server, key) == []


def pending(server: S3, key: str) -> list[object]:
    return list(server.client()._list_multipart_uploads("objects", prefix=key).uploads)


def test_a_reader_never_joins_two_objects(s3_url: str) -> None:
    storage, key = open_storage(s3_url), f"ab/{uuid4().hex}"
    storage.put(key, [b"a" * MIB])
    with storage.open(key) as file:
        file.read(10)
        storage.put(key, [b"b" * MIB])
        file.seek(MIB // 2)
        with pytest.raises(ObjectMissing):
            file.read(10)


@pytest.mark.parametrize("status", [500, 503, 507])
def test_a_failing_store_is_unavailable_soon_whatever_it_asks(status: int) -> None:
    started = time.monotonic()
    with store_answering(ANY=reply(status=status, Retry_After="3600")) as storage:
        for use in every_use(storage):
            with pytest.raises(StorageUnavailable):
                use()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"<html>", b"<a/>"])
@pytest.mark.parametrize("status", [400, 403, 409, 418])
def test_something_that_is_no_store_is_unavailable(status: int, body: bytes) -> None:
    with store_answering(ANY=reply(body, status), HEAD=reply(status=status)) as storage:
        for use in every_use(storage):
            with pytest.raises(StorageUnavailable):
                use()


def test_an_error_in_a_successful_answer_is_an_error() -> None:
    error = b"<Error><Code>InternalError</Code></Error>"
    posts = iter([reply(UPLOAD_STARTED), reply(error)])

    def post(request: BaseHTTPRequestHandler) -> None:
        next(posts)(request)

    part, gone = reply(ETag='"1"'), reply(status=204)
    with store_answering(PUT=part, POST=post, ANY=gone) as storage, pytest.raises(StorageUnavailable):
        storage.put("ab/cd", [bytes(PART + 1)])


def test_the_source_s_error_comes_out_though_aborting_fails() -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(PART + 1)
        raise ConnectionResetError

    part, started, failing = reply(ETag='"1"'), reply(UPLOAD_STARTED), reply(status=500)
    with store_answering(PUT=part, POST=started, ANY=failing) as storage, pytest.raises(ConnectionResetError):
        storage.put("ab/cd", broken())


def test_a_cut_off_object_is_not_taken_for_a_whole_one() -> None:
    def half(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        request.wfile.write(bytes(500_000))
        request.close_connection = True

    size = reply(Content_Length="1000000", ETag='"1"')
    with store_answering(HEAD=size, ANY=half) as storage, storage.open("ab/cd") as file:
        assert len(file.read(100_000)) == 100_000
        with pytest.raises(StorageUnavailable):
            file.read()


def test_a_slow_store_may_pause_and_take_its_time_with_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(request: BaseHTTPRequestHandler) -> None:
        time.sleep(2.5)
        for _ in range(24):
            request.rfile.read(MIB // 2)
            time.sleep(0.1)
        del request.headers["Content-Length"]
        reply()(request)

    # A pause longer than the time-out to connect, a whole longer than the silence that is borne.
    monkeypatch.setattr(s3_http._Connection, "idle_timeout_seconds", 3)
    with server_answering(ANY=slow) as port:
        answer = s3_http.patient_http().request("PUT", f"http://127.0.0.1:{port}/", body=bytes(12 * MIB))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("at_once", "slowly"),
    [(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), (b"HTTP/1.1 200 OK\r\n\r\n", UPLOAD_STARTED)],
    ids=["head", "body"],
)
def test_a_store_that_answers_byte_by_byte_is_unavailable_soon(
    at_once: bytes, slowly: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dribble(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.wfile.write(at_once)
        with suppress(ConnectionError):
            for byte in slowly:
                request.wfile.write(bytes([byte]))
                time.sleep(0.2)

    monkeypatch.setattr(s3_http._Connection, "idle_timeout_seconds", 0.5)
    started = time.monotonic()
    with store_answering(ANY=dribble) as storage, pytest.raises(StorageUnavailable):
        storage.put("ab/cd", [bytes(PART + 1)])
    assert time.monotonic() - started < 5
