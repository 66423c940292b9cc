"""Free ports on the loopback."""

import os
import random
import socket

# Below Linux's ephemeral range (32768 and up), and so is every companion: an outgoing connection
# cannot take the port between the choice and the bind. Nor can another worker of pytest-xdist: each
# has ports of its own, and no companion is anybody's port.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_CANDIDATES = range(10240, 20240)[_WORKER % _WORKERS :: _WORKERS]
_given: set[int] = set()


def free_port(*, companion: int = 0) -> int:
    """A port that nothing listens on; `port + companion` is free too."""
    for _ in range(200):
        port = random.choice(_CANDIDATES)
        wanted = {port, port + companion}
        if not wanted & _given and all(_is_free(each) for each in wanted):
            _given.update(wanted)
            return port
    raise RuntimeError("no free port between 10240 and 20240 on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
