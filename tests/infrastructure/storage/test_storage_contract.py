"""The contract of the storage boundary: what holds for a folder holds for an S3-compatible store."""

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


class ClientWentAway(Exception):
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
    """No two kilobytes alike, so that a part out of its place shows."""
    lines = b"".join(f"{number:015}\n".encode() for number in range(size // 16 + 1))
    return lines[:size]


def pieces(data: bytes, size: int = 60_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def broken(data: bytes, error: BaseException) -> Iterator[bytes]:
    yield from pieces(data)
    raise error


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, 100_000, PART, PART + 1, 25 * MIB])
def test_what_is_put_comes_out_again(storage: Storage, key: str, size: int) -> None:
    data = content(size)
    storage.put(key, pieces(data))
    assert hashlib.sha256(read(storage, key)).digest() == hashlib.sha256(data).digest()


def test_empty_chunks_do_not_end_an_object(storage: Storage, key: str) -> None:
    storage.put(key, [b"", b"one", b"", b"two", b""])
    assert read(storage, key) == b"onetwo"


def test_memory_does_not_grow_with_the_object(storage: Storage, key: str) -> None:
    chunk = bytes(MIB)
    tracemalloc.start()
    try:
        storage.put(key, (chunk for _ in range(96)))
        with storage.open(key) as file:
            length = sum(len(piece) for piece in iter(lambda: file.read(MIB), b""))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length == 96 * MIB
    assert peak < 20 * MIB


def test_any_range_can_be_read(storage: Storage, key: str) -> None:
    data = content(PART + 5000)
    storage.put(key, pieces(data))
    with storage.open(key) as file:
        for start, length in [(PART - 10, 100), (0, 16), (500_000, 70_000), (500_001, 1), (PART + 4990, 50)]:
            assert file.seek(start) == start
            assert file.read(length) == data[start : start + length]
            assert file.tell() == min(start + length, len(data))


def test_a_reader_knows_the_size(storage: Storage, key: str) -> None:
    storage.put(key, [b"0123456789"])
    with storage.open(key) as file:
        assert file.seekable()
        assert file.seek(0, io.SEEK_END) == 10
        assert file.read() == b""
        assert file.seek(-3, io.SEEK_END) == 7
        assert file.read() == b"789"
        assert file.seek(99) == 99
        assert file.read(1) == b""


def test_readers_of_one_object_do_not_disturb_each_other(storage: Storage, key: str) -> None:
    data = content(300_000)
    storage.put(key, pieces(data))
    with storage.open(key) as one, storage.open(key) as other:
        halves = one.read(150_000), other.read(150_000)
        assert [half + file.read() for half, file in zip(halves, (one, other), strict=True)] == [data, data]


def test_a_missing_object_is_told_from_a_missing_store(storage: Storage, key: str) -> None:
    storage.put("ab/neighbour", [b"there"])
    for absent in (key, f"{key}/below", "ab"):
        with pytest.raises(ObjectMissing):
            storage.open(absent)


def test_a_deleted_object_is_gone_and_may_be_deleted_again(storage: Storage, key: str) -> None:
    storage.put(key, [b"here"])
    storage.delete(key)
    with pytest.raises(ObjectMissing):
        storage.open(key)
    storage.delete(key)


def test_deleting_leaves_the_neighbours(storage: Storage, key: str) -> None:
    storage.put(key, [b"one"])
    storage.put(f"{key}-too", [b"two"])
    storage.delete(key)
    assert read(storage, f"{key}-too") == b"two"


@pytest.mark.parametrize("size", [0, 100_000, 2 * PART + 5])
@pytest.mark.parametrize("error", [ClientWentAway("cut"), ConnectionResetError("cut"), Killed()], ids=repr)
def test_a_broken_upload_raises_its_own_error_and_leaves_nothing(
    storage: Storage, key: str, size: int, error: BaseException
) -> None:
    with pytest.raises(type(error)) as raised:
        storage.put(key, broken(content(size), error))
    assert raised.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    with pytest.raises(ObjectMissing):
        storage.open(key)


def test_a_broken_upload_leaves_what_was_there(storage: Storage, key: str) -> None:
    storage.put(key, [b"first"])
    with pytest.raises(ClientWentAway):
        storage.put(key, broken(content(PART + MIB), ClientWentAway()))
    assert read(storage, key) == b"first"


def test_an_object_appears_only_when_it_is_whole(storage: Storage, key: str) -> None:
    def watched() -> Iterator[bytes]:
        for chunk in pieces(content(PART + MIB), MIB):
            with pytest.raises(ObjectMissing):
                storage.open(key)
            yield chunk

    storage.put(key, watched())
    assert len(read(storage, key)) == PART + MIB


def test_the_same_key_again_replaces_the_object(storage: Storage, key: str) -> None:
    storage.put(key, [b"a longer first one"])
    storage.put(key, [b"second"])
    assert read(storage, key) == b"second"


@pytest.mark.parametrize(
    "name", ["a b", "ä€𝄞", "100%", "a%2Fb", "a+b", "q?x=1&y#z", "back\\slash", "~tilde'\"", "x" * 60, "a..b"]
)
def test_odd_names_are_names(storage: Storage, key: str, name: str) -> None:
    storage.put(f"{key}/{name}/{name}", [name.encode()])
    assert read(storage, f"{key}/{name}/{name}") == name.encode()
    storage.delete(f"{key}/{name}/{name}")


NO_KEYS = ["", "/", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", ".incoming/x"]
UNSAFE = ["a\0b", "a\nb", "\ud800", "x" * 61, "x/" * 500 + "x"]


@pytest.mark.parametrize("name", NO_KEYS + UNSAFE)
def test_what_cannot_be_a_key_is_refused(storage: Storage, name: str) -> None:
    for use in (lambda: storage.put(name, [b"x"]), lambda: storage.open(name), lambda: storage.delete(name)):
        with pytest.raises(ValueError, match="not a storage key"):
            use()


def test_a_store_that_is_there_passes_its_check(storage: Storage) -> None:
    storage.check()
