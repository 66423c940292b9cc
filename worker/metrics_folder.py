"""Creates the folder in which the processes of a worker share their metrics.

prometheus_client 0.26.0 reads PROMETHEUS_MULTIPROC_DIR when it is imported, so this module must be imported first.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TextIO

_PREFIX = "groundwork-worker-"


def _create() -> tuple[Path, TextIO]:
    """Create a folder and lock its lock file. The lock lasts until all processes of the worker have exited."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = (folder / "starting").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Other processes see the lock file only once it is locked.
    (folder / "starting").rename(folder / "lock")
    return folder, lock


def _remove_unused() -> None:
    """Remove the folders of workers that have exited. A process id would not show that, since containers reuse it."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/lock"):
        with suppress(OSError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


_remove_unused()
_owner, (_folder, _lock) = os.getpid(), _create()


@atexit.register
def _remove() -> None:
    # The children of the worker, which inherit this function, may exit before it does.
    if os.getpid() == _owner:
        shutil.rmtree(_folder, ignore_errors=True)


os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_folder)
