"""Free ports on the loopback interface."""

import os
import random
import socket

# Ports and their companions are below Linux's ephemeral range (32768 and up), so no outgoing connection can
# take a port between its selection and the bind. pytest-xdist workers cannot collide either: they share no candidate
# ports, and companion ports are outside the range of candidates.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_CANDIDATES = range(10240, 20240)[_WORKER % _WORKERS :: _WORKERS]
_used: set[int] = set()


def free_port(*, companion: int = 0) -> int:
    """Return a port on which nothing is listening. `port + companion` is also free."""
    for _ in range(200):
        port = random.choice(_CANDIDATES)
        needed = {port, port + companion}
        if not needed & _used and all(_is_free(each) for each in needed):
            _used.update(needed)
            return port
    raise RuntimeError("no free port between 10240 and 20240 on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
