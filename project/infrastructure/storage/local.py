"""Objects as files in a folder: the embedded default."""

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
    """Keeps the promises of a Storage for every process that sees `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # Within it, because a rename is atomic on one file system only; no key starts with a dot.
        self._incoming = directory / ".incoming"

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write beside, make durable, rename; and clear away what a killed put of the object left."""
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
        """The real file, which the web server can send without copying."""
        with _disk_errors():
            try:
                return self._path(key).open("rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                raise ObjectMissing(key) from error

    def delete(self, key: str) -> None:
        """Remove the file, the folders that it leaves empty, and what a killed put of it has left."""
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
        """Whether the folder can be made and written to; a read-only mount cannot."""
        with _disk_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            if not os.access(self._incoming, os.W_OK | os.X_OK):
                raise PermissionError(f"{self._incoming} cannot be written to")

    def _path(self, key: str) -> Path:
        return self._directory / ensure_key(key)

    def _folders(self, target: Path) -> list[Path]:
        """From the target's own folder up to the storage's."""
        depth = len(target.relative_to(self._directory).parts)
        return list(target.parents[:depth])

    def _sync_folders(self, target: Path) -> None:
        """Without this the name may not survive a power cut, though the bytes do."""
        for folder in self._folders(target):
            # Deleted again by someone else already.
            with suppress(FileNotFoundError):
                _sync(folder)

    def _remove_drafts(self, key: str) -> None:
        """What killed puts have left. A put of the same object that is still under way will fail."""
        with _disk_errors():
            for draft in self._incoming.glob(f"{_prefix(key)}*"):
                draft.unlink(missing_ok=True)

    @contextmanager
    def _incoming_file(self, key: str) -> Iterator[IO[bytes]]:
        with _disk_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            file = NamedTemporaryFile(dir=self._incoming, prefix=_prefix(key), delete=False)  # noqa: SIM115
        try:
            yield file
        finally:
            # Closing flushes, which a full disk refuses once more; after the rename there is no file.
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                Path(file.name).unlink()


def _prefix(key: str) -> str:
    """What the names of all drafts of an object begin with."""
    return f"{sha256(key.encode()).hexdigest()}."


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _log.warning("the storage folder refused: %s", error)
        raise unavailable() from error


def _move(file: Path, target: Path) -> None:
    """Rename, though a delete may be pruning the folder that was made a moment ago."""
    for _ in range(20):
        # The second: mkdir finds the folder there, and then not any more.
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
