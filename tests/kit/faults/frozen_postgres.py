"""A PostgreSQL that stands still: the kernel goes on to acknowledge what is sent, and nobody ever answers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.kit.deployment.programs import children
from tests.kit.servers.postgres import Postgres


@contextmanager
def silent(server: Postgres) -> Iterator[None]:
    """Nothing of it moves until the block ends; then it goes on as if nothing had been."""
    os.kill(server.pid, signal.SIGSTOP)
    backends = children(server.pid)
    try:
        _tell(backends, signal.SIGSTOP)
        yield
    finally:
        _tell([*backends, server.pid], signal.SIGCONT)


def _tell(pids: list[int], order: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, order)
