"""A small file system, for tests that fill the disk."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tmpfs(folder: Path, *, mebibytes: int = 1) -> Iterator[Path]:
    """Mount a tmpfs at `folder`. If mounting is not permitted, skip the test, or fail it if root runs it in CI."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0777", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        skip_or_fail = pytest.fail if os.environ.get("CI") and os.geteuid() == 0 else pytest.skip
        skip_or_fail("mounting a tmpfs is not permitted on this machine")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
