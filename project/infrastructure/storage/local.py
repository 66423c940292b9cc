"""Local storage: objects as files in a folder."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO

from project.infrastructure.storage.errors import ObjectMissing, unavailable
from project.infrastructure.storage.storage_key import ensure_key

_log = logging.getLogger(__name__)


class LocalStorage:
    """Implements Storage in `directory`, which several processes may share."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # Inside `directory`, since a rename is atomic only within a file system. It cannot collide with a key, since no
        # key starts with a dot.
        self._incoming = directory / ".incoming"

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a draft, sync it, rename it, and delete the drafts of killed `put` calls for this key."""
        target = self._path(key)
        with self._incoming_file(key) as file:
            for chunk in chunks:
                with _disk_errors():
                    file.write(chunk)
            with _disk_errors():
                file.flush()
                os.fsync(file.fileno())
                _move(Path(file.name), target)
                self._sync_folders(target)
        self._remove_drafts(key)

    def open(self, key: str) -> BinaryIO:
        """Open the file itself, so that the web server can send it without copying it (`sendfile`)."""
        with _disk_errors():
            try:
                return self._path(key).open("rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                raise ObjectMissing(key) from error

    def delete(self, key: str) -> None:
        """Delete the file, its folders if they are empty, and the drafts of killed `put` calls for this key."""
        target = self._path(key)
        with _disk_errors(), suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            target.unlink()
        self._remove_drafts(key)
        for folder in self._folders(target)[:-1]:
            try:
                folder.rmdir()
            except OSError:
                return

    def check(self) -> None:
        """Check that the folder exists or can be created, and is writable (unlike a read-only mount)."""
        with _disk_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            if not os.access(self._incoming, os.W_OK | os.X_OK):
                raise PermissionError(f"{self._incoming} is not writable")

    def _path(self, key: str) -> Path:
        return self._directory / ensure_key(key)

    def _folders(self, target: Path) -> list[Path]:
        """Return the folders from the one that contains `target` up to the root of the storage."""
        depth = len(target.relative_to(self._directory).parts)
        return list(target.parents[:depth])

    def _sync_folders(self, target: Path) -> None:
        """Sync the folders of `target`, so that not only its content but also its name survives a power failure."""
        for folder in self._folders(target):
            # Another process may have deleted the folder in the meantime.
            with suppress(FileNotFoundError):
                _sync(folder)

    def _remove_drafts(self, key: str) -> None:
        """Delete the drafts of killed `put` calls. A concurrent `put` of the same key fails."""
        prefix = _prefix(key)
        with _disk_errors(), suppress(FileNotFoundError):
            for draft in self._incoming.iterdir():
                if draft.name.startswith(prefix):
                    draft.unlink(missing_ok=True)

    @contextmanager
    def _incoming_file(self, key: str) -> Iterator[IO[bytes]]:
        with _disk_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            file = NamedTemporaryFile(dir=self._incoming, prefix=_prefix(key), delete=False)  # noqa: SIM115
        try:
            yield file
        finally:
            # Closing flushes the file, which fails again if the disk is full. After the rename, there is no draft.
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                Path(file.name).unlink()


def _prefix(key: str) -> str:
    """Return the file name prefix of all drafts of the object."""
    return f"{sha256(key.encode()).hexdigest()}."


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _log.warning("storage folder error: %s", error)
        raise unavailable() from error


def _move(file: Path, target: Path) -> None:
    """Rename `file` to `target`. Retries if a concurrent `delete` removes the folder that was just created."""
    for _ in range(20):
        # `mkdir` raises FileExistsError if the folder exists, but is deleted before `mkdir` checks that it is a folder.
        with suppress(FileNotFoundError, FileExistsError):
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
            return
    file.replace(target)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
