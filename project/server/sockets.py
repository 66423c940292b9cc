"""Socket limits of the web process, which `gunicorn.conf.py` applies through gunicorn's settings and hooks."""

import resource
import socket
from typing import Any

UNREAD_TIMEOUT_SECONDS = 30


def max_connections(threads: int) -> int:
    """Raise the limit on open files to its maximum, and return how many connections fit within it, at most 1,000.

    gunicorn's event loop exits if accept() fails because no file descriptor is available, so do not pass `--threads` or
    `--worker-connections` to gunicorn: its command line takes precedence over this limit.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Reserve descriptors for the store, the broker, and each thread's database connection, file and temporary file.
    return min(1000, hard - 64 - 8 * threads)


def limit_unread_responses(_arbiter: Any, worker: Any) -> None:
    """Make the kernel close a connection whose client acknowledges no bytes of a response for UNREAD_TIMEOUT_SECONDS.

    This is gunicorn's `post_fork` hook. Connections inherit the option from their listener. It also covers sendfile(),
    which has no timeout.
    """
    for listener in worker.sockets:
        if hasattr(socket, "TCP_USER_TIMEOUT") and listener.sock.family != socket.AF_UNIX:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_TIMEOUT_SECONDS * 1000))
