"""gunicorn settings for `wsgi:app`. gunicorn loads this file from the working directory by default."""

import ctypes
import gc
from contextlib import suppress

from project.config import Settings
from project.server import sockets

_settings = Settings.load()
_M_ARENA_MAX = -8

# Let all threads allocate from one arena, so that they reuse each other's memory. After uploads, a process keeps about
# 20 MiB less. Only glibc has arenas.
with suppress(AttributeError):
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)

bind = f"{_settings.host}:{_settings.port}"
worker_class = "project.server.worker.Worker"
workers = _settings.web_concurrency
threads = _settings.web_threads
worker_connections = sockets.max_connections(threads)
post_fork = sockets.limit_unread_responses
# Import the application once, before the workers fork. This is safe because create_app() opens no connections
# that the workers would share.
preload_app = True
timeout = 60
graceful_timeout = 25
keepalive = _settings.keepalive_seconds
# Only the application evaluates forwarding headers, according to TRUSTED_PROXIES. By default, gunicorn would also
# trust them from any client on this host.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
# The application logs each request itself, with its request id.
accesslog = None
# The control socket (gunicorn 25.1 and later) is not used, so do not open it.
control_socket_disable = True


def when_ready(_arbiter: object) -> None:
    """Exempt the loaded application from garbage collection, before the workers fork.

    Otherwise each collection in a worker would examine all of its objects, and copy their pages.
    """
    gc.collect()
    gc.freeze()
