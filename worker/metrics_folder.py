"""Creates the folder in which the processes of a worker share their metrics.

prometheus_client 0.26.0 reads PROMETHEUS_MULTIPROC_DIR when it is imported, so this module must be imported first.
"""

import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "groundwork-worker-"


def _create() -> str:
    """Create the folder of this process, and remove the folders of processes that have exited."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not _is_running(int(folder.name.split("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


os.environ["PROMETHEUS_MULTIPROC_DIR"] = _create()
