"""Local storage: atomic writes, full and read-only disks, and removal of empty folders."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from project.infrastructure.storage import ObjectMissing, StorageUnavailable
from project.infrastructure.storage.local import LocalStorage
from tests.kit.faults.tmpfs import tmpfs

MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with a capacity of 1 MiB."""
    with tmpfs(tmp_path / "disk") as folder:
        yield folder


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def folders_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_dir() and path.name != ".incoming"]


def test_reader_has_a_file_descriptor(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("ab/cd", [b"x"])
    with storage.open("ab/cd") as file:
        assert file.fileno() > 2


KILLED_PUT = """
import os, signal, sys
from pathlib import Path
from project.infrastructure.storage.local import LocalStorage

def chunks():
    yield b"x"
    os.kill(os.getpid(), signal.SIGKILL)

LocalStorage(Path(sys.argv[1])).put("ab/cd", chunks())
"""


def test_next_put_removes_incomplete_file_left_by_killed_process(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_PUT, str(tmp_path)], check=False)
    assert len(files_below(tmp_path)) == 1
    LocalStorage(tmp_path).put("ab/cd", [b"whole"])
    assert files_below(tmp_path) == [tmp_path / "ab" / "cd"]


def test_failed_upload_leaves_no_file(tmp_path: Path) -> None:
    def failing_chunks() -> Iterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        LocalStorage(tmp_path).put("ab/cd", failing_chunks())
    assert files_below(tmp_path) == []


# The last case fills the disk completely and fails only when Python's buffer is flushed.
@pytest.mark.parametrize(
    "sizes", [[1000] * 2000, [3 * MIB], [MIB, 4096]], ids=["small-chunks", "large-chunk", "buffered-end"]
)
def test_put_on_full_disk_raises_storage_unavailable_and_leaves_no_file(small_disk: Path, sizes: list[int]) -> None:
    storage = LocalStorage(small_disk / "objects")
    with pytest.raises(StorageUnavailable) as raised:
        storage.put("ab/cd", map(bytes, sizes))
    assert raised.value.retry_after == 5
    assert files_below(small_disk) == []
    storage.put("ab/cd", [bytes(MIB // 2)])


def test_check_fails_on_read_only_disk(small_disk: Path) -> None:
    storage = LocalStorage(small_disk)
    storage.check()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageUnavailable):
        storage.check()


def test_storage_unavailable_is_raised_if_folder_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    storage = LocalStorage(tmp_path / "file" / "objects")
    for operation in (storage.check, lambda: storage.put("ab/cd", [b"x"])):
        with pytest.raises(StorageUnavailable):
            operation()


def test_delete_removes_folders_only_if_they_become_empty(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "objects")
    for key in ("ab/one/original", "ab/two/original"):
        storage.put(key, [b"x"])
    storage.delete("ab/one/original")
    assert {path.name for path in folders_below(tmp_path)} == {"objects", "ab", "two"}
    storage.delete("ab/two/original")
    assert {path.name for path in folders_below(tmp_path)} == {"objects"}


def test_delete_keeps_root_folder(tmp_path: Path) -> None:
    LocalStorage(tmp_path).delete("ab/cd")
    LocalStorage(tmp_path).delete("ab")
    assert tmp_path.is_dir()


def test_uploads_succeed_during_concurrent_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With real fsync calls, the threads would rarely run at the same time.
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    storage = LocalStorage(tmp_path)

    def put_and_delete(number: int) -> None:
        for _ in range(300):
            storage.put(f"ab/cd/{number}", [b"x"])
            storage.delete(f"ab/cd/{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_and_delete, range(8)))
    with pytest.raises(ObjectMissing):
        storage.open("ab/cd/0")
