"""A file system that is full soon."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tmpfs(folder: Path, *, mebibytes: int = 1) -> Iterator[Path]:
    """Mount a new file system at `folder`. Where that is not permitted the test is left out, but not in CI."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0777", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("mounting a tmpfs is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
