"""Freezes PostgreSQL: the kernel still acknowledges what clients send, but the server never responds."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.kit.deployment.programs import child_pids
from tests.kit.servers.postgres import Postgres


@contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    """Stop the server and all of its backends with SIGSTOP; continue them when the `with` block exits."""
    os.kill(server.pid, signal.SIGSTOP)
    backends = child_pids(server.pid)
    try:
        _send_signal(backends, signal.SIGSTOP)
        yield
    finally:
        _send_signal([*backends, server.pid], signal.SIGCONT)


def _send_signal(pids: list[int], signal_number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal_number)
