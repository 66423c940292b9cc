"""Services for tests. To start some by hand: `python -m tests.kit.servers.services postgres s3`."""

import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress

from tests.kit.servers.postgres import Postgres, postgres
from tests.kit.servers.process import ServiceUnavailable
from tests.kit.servers.redis import Redis, redis
from tests.kit.servers.s3 import S3, s3
from tests.kit.servers.smtp import Smtp, smtp

__all__ = ["S3", "Postgres", "Redis", "ServiceUnavailable", "Smtp", "postgres", "redis", "s3", "smtp"]

_SERVICES: dict[str, Callable[[], AbstractContextManager[Postgres | Redis | S3 | Smtp]]] = {
    "postgres": postgres,
    "redis": redis,
    "s3": s3,
    "smtp": smtp,
}


def main(names: list[str]) -> None:
    """Start the named services, or all of them by default; print their URLs and run until interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        for name in names or list(_SERVICES):
            print(f"{name} {stack.enter_context(_SERVICES[name]()).url}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
