"""A real RabbitMQ server from the Debian package, with a separate epmd: a shared epmd would outlive the server."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import amqp

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import ServiceUnavailable, running, wait_until

# The `rabbitmq-server` command on the PATH is a wrapper that changes the user and the working directory.
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Each blueprint that has jobs has its own queue, created with its first job. This module must not import the project.
_BLUEPRINTS = Path(__file__).parents[3] / "project" / "blueprints"
_QUEUES = ("worker", *(file.parent.name for file in _BLUEPRINTS.glob("*/jobs.py")))


@dataclass(frozen=True)
class RabbitMQ:
    """A running server that starts empty and whose data is deleted when it stops."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def count_messages(self) -> int:
        """Return the number of messages that no worker has received."""
        return sum(self._count_messages_in(queue) for queue in _QUEUES)

    def drop_messages(self) -> None:
        """Delete the messages that no worker has received."""
        for queue in _QUEUES:
            with suppress(amqp.NotFound), self._channel() as channel:
                channel.queue_purge(queue)

    def ping(self) -> None:
        """Raise an error unless the server accepts a connection."""
        with self._channel():
            pass

    def _count_messages_in(self, queue: str) -> int:
        try:
            with self._channel() as channel:
                return int(channel.queue_declare(queue, passive=True).message_count)
        except amqp.NotFound:
            return 0

    @contextmanager
    def _channel(self) -> Iterator[amqp.Channel]:
        with amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=2, read_timeout=5) as connection:
            yield connection.channel()


@contextmanager
def rabbitmq() -> Iterator[RabbitMQ]:
    """Run RabbitMQ until the `with` block exits. Raises ServiceUnavailable."""
    epmd = shutil.which("epmd")
    if epmd is None or not _SERVER.exists():
        raise ServiceUnavailable("RabbitMQ is not installed: apt-get install rabbitmq-server")
    port, epmd_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as name:
        folder, log = Path(name), Path(name, "log")
        epmd_command = [epmd, "-port", str(epmd_port), "-address", "127.0.0.1"]
        environment = _environment(folder, port, epmd_port)
        with (
            running(epmd_command, log=log, env=environment) as mapper,
            # A graceful shutdown takes seconds, and its data is discarded anyway.
            running([_SERVER], log=log, stop=signal.SIGKILL, env=environment) as process,
        ):
            wait_until(lambda: socket.create_connection(("127.0.0.1", epmd_port)).close(), mapper, log=log, seconds=5)
            server = RabbitMQ(port, process.pid)
            wait_until(server.ping, process, log=log, seconds=60)
            try:
                yield server
            finally:
                os.killpg(process.pid, signal.SIGKILL)


def _environment(folder: Path, port: int, epmd_port: int) -> dict[str, str]:
    paths = {"MNESIA_BASE": "mnesia", "LOG_BASE": "logs", "ENABLED_PLUGINS_FILE": "plugins", "PID_FILE": "pid"}
    settings = {
        "NODENAME": f"kit-{port}@localhost",
        "NODE_PORT": str(port),
        "NODE_IP_ADDRESS": "127.0.0.1",
        "DIST_PORT": str(free_port()),
        "CONF_ENV_FILE": "/dev/null",
        "LOGS": "-",
        **{setting: str(folder / name) for setting, name in paths.items()},
    }
    erlang = {"ERL_EPMD_PORT": str(epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1"}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **erlang,
        **{f"RABBITMQ_{name}": value for name, value in settings.items()},
    }
