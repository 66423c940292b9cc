"""The contract that both local and S3-compatible storage fulfill."""

import hashlib
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from project.infrastructure.storage import ObjectMissing, Storage, open_storage

MIB = 1024 * 1024
PART = 5 * MIB


class ClientDisconnected(Exception):
    pass


class Killed(BaseException):
    pass


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "s3":
        return open_storage(request.getfixturevalue("s3_url"))
    return open_storage(f"file://{tmp_path}/objects")


@pytest.fixture
def key() -> str:
    return f"ab/{uuid4().hex}/original"


def content(size: int) -> bytes:
    """Return content that never repeats, so that misplaced parts are detected."""
    lines = b"".join(f"{number:015}\n".encode() for number in range(size // 16 + 1))
    return lines[:size]


def chunks_of(data: bytes, size: int = 60_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def failing_chunks(data: bytes, error: BaseException) -> Iterator[bytes]:
    yield from chunks_of(data)
    raise error


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, 100_000, PART, PART + 1, 25 * MIB])
def test_stored_content_can_be_read(storage: Storage, key: str, size: int) -> None:
    data = content(size)
    storage.put(key, chunks_of(data))
    assert hashlib.sha256(read(storage, key)).digest() == hashlib.sha256(data).digest()


def test_empty_chunks_are_skipped(storage: Storage, key: str) -> None:
    storage.put(key, [b"", b"one", b"", b"two", b""])
    assert read(storage, key) == b"onetwo"


def test_memory_usage_does_not_grow_with_object_size(storage: Storage, key: str) -> None:
    chunk = bytes(MIB)
    tracemalloc.start()
    try:
        storage.put(key, (chunk for _ in range(96)))
        with storage.open(key) as file:
            length = sum(len(part) for part in iter(lambda: file.read(MIB), b""))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length == 96 * MIB
    assert peak < 20 * MIB


def test_any_range_can_be_read(storage: Storage, key: str) -> None:
    data = content(PART + 5000)
    storage.put(key, chunks_of(data))
    with storage.open(key) as file:
        for start, length in [(PART - 10, 100), (0, 16), (500_000, 70_000), (500_001, 1), (PART + 4990, 50)]:
            assert file.seek(start) == start
            assert file.read(length) == data[start : start + length]
            assert file.tell() == min(start + length, len(data))


def test_reader_can_seek_from_the_end(storage: Storage, key: str) -> None:
    storage.put(key, [b"0123456789"])
    with storage.open(key) as file:
        assert file.seekable()
        assert file.seek(0, io.SEEK_END) == 10
        assert file.read() == b""
        assert file.seek(-3, io.SEEK_END) == 7
        assert file.read() == b"789"
        assert file.seek(99) == 99
        assert file.read(1) == b""


def test_readers_of_the_same_object_are_independent(storage: Storage, key: str) -> None:
    data = content(300_000)
    storage.put(key, chunks_of(data))
    with storage.open(key) as one, storage.open(key) as other:
        halves = one.read(150_000), other.read(150_000)
        assert [half + file.read() for half, file in zip(halves, (one, other), strict=True)] == [data, data]


def test_opening_missing_object_raises_object_missing(storage: Storage, key: str) -> None:
    storage.put("ab/other", [b"there"])
    for absent in (key, f"{key}/below", "ab"):
        with pytest.raises(ObjectMissing):
            storage.open(absent)


def test_deleted_object_is_missing_and_can_be_deleted_again(storage: Storage, key: str) -> None:
    storage.put(key, [b"here"])
    storage.delete(key)
    with pytest.raises(ObjectMissing):
        storage.open(key)
    storage.delete(key)


def test_delete_keeps_other_objects_with_same_prefix(storage: Storage, key: str) -> None:
    storage.put(key, [b"one"])
    storage.put(f"{key}-too", [b"two"])
    storage.delete(key)
    assert read(storage, f"{key}-too") == b"two"


@pytest.mark.parametrize("size", [0, 100_000, 2 * PART + 5])
@pytest.mark.parametrize("error", [ClientDisconnected("cut"), ConnectionResetError("cut"), Killed()], ids=repr)
def test_failed_upload_raises_original_error_and_stores_nothing(
    storage: Storage, key: str, size: int, error: BaseException
) -> None:
    with pytest.raises(type(error)) as raised:
        storage.put(key, failing_chunks(content(size), error))
    assert raised.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    with pytest.raises(ObjectMissing):
        storage.open(key)


def test_failed_upload_keeps_existing_object(storage: Storage, key: str) -> None:
    storage.put(key, [b"first"])
    with pytest.raises(ClientDisconnected):
        storage.put(key, failing_chunks(content(PART + MIB), ClientDisconnected()))
    assert read(storage, key) == b"first"


def test_object_is_not_visible_until_upload_is_complete(storage: Storage, key: str) -> None:
    def observed_chunks() -> Iterator[bytes]:
        for chunk in chunks_of(content(PART + MIB), MIB):
            with pytest.raises(ObjectMissing):
                storage.open(key)
            yield chunk

    storage.put(key, observed_chunks())
    assert len(read(storage, key)) == PART + MIB


def test_put_replaces_existing_object(storage: Storage, key: str) -> None:
    storage.put(key, [b"a longer first one"])
    storage.put(key, [b"second"])
    assert read(storage, key) == b"second"


@pytest.mark.parametrize(
    "name", ["a b", "ä€𝄞", "100%", "a%2Fb", "a+b", "q?x=1&y#z", "back\\slash", "~tilde'\"", "x" * 60, "a..b"]
)
def test_unusual_keys_are_accepted(storage: Storage, key: str, name: str) -> None:
    storage.put(f"{key}/{name}/{name}", [name.encode()])
    assert read(storage, f"{key}/{name}/{name}") == name.encode()
    storage.delete(f"{key}/{name}/{name}")


INVALID = ["", "/", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", ".incoming/x"]
UNSAFE = ["a\0b", "a\nb", "\ud800", "x" * 61, "x/" * 500 + "x"]


@pytest.mark.parametrize("name", INVALID + UNSAFE)
def test_invalid_key_is_rejected(storage: Storage, name: str) -> None:
    for operation in (lambda: storage.put(name, [b"x"]), lambda: storage.open(name), lambda: storage.delete(name)):
        with pytest.raises(ValueError, match="not a storage key"):
            operation()


def test_available_store_passes_check(storage: Storage) -> None:
    storage.check()
