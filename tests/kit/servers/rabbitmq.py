"""A real RabbitMQ, as Debian packages it, with a name server of its own: the usual one would outlive it."""

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

# Not the command in the path, which changes user and folder.
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Each blueprint has one, from its first job on.
_QUEUES = ("files", "invitations", "worker")


@dataclass(frozen=True)
class RabbitMQ:
    """A running, empty server that keeps nothing when it ends."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def messages(self) -> int:
        """How many messages nobody has taken."""
        return sum(self._messages_in(queue) for queue in _QUEUES)

    def lose_messages(self) -> None:
        """Take away all that nobody has taken."""
        for queue in _QUEUES:
            with suppress(amqp.NotFound), self._channel() as channel:
                channel.queue_purge(queue)

    def ping(self) -> None:
        """Raise unless a connection can be had."""
        with self._channel():
            pass

    def _messages_in(self, queue: str) -> int:
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
    """Run RabbitMQ; raises ServiceUnavailable."""
    epmd = shutil.which("epmd")
    if epmd is None or not _SERVER.exists():
        raise ServiceUnavailable("RabbitMQ cannot be had: apt-get install rabbitmq-server")
    port, names_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as name:
        folder, log = Path(name), Path(name, "log")
        names = [epmd, "-port", str(names_port), "-address", "127.0.0.1"]
        environment = _environment(folder, port, names_port)
        with (
            running(names, log=log, env=environment) as naming,
            # Asked politely it takes seconds to end, and nothing of it is kept.
            running([_SERVER], log=log, stop=signal.SIGKILL, env=environment) as process,
        ):
            wait_until(lambda: socket.create_connection(("127.0.0.1", names_port)).close(), naming, log=log, seconds=5)
            server = RabbitMQ(port, process.pid)
            wait_until(server.ping, process, log=log, seconds=60)
            try:
                yield server
            finally:
                os.killpg(process.pid, signal.SIGKILL)


def _environment(folder: Path, port: int, names_port: int) -> dict[str, str]:
    places = {"MNESIA_BASE": "mnesia", "LOG_BASE": "logs", "ENABLED_PLUGINS_FILE": "plugins", "PID_FILE": "pid"}
    settings = {
        "NODENAME": f"kit-{port}@localhost",
        "NODE_PORT": str(port),
        "NODE_IP_ADDRESS": "127.0.0.1",
        "DIST_PORT": str(free_port()),
        "CONF_ENV_FILE": "/dev/null",
        "LOGS": "-",
        **{setting: str(folder / name) for setting, name in places.items()},
    }
    erlang = {"ERL_EPMD_PORT": str(names_port), "ERL_EPMD_ADDRESS": "127.0.0.1"}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **erlang,
        **{f"RABBITMQ_{name}": value for name, value in settings.items()},
    }
