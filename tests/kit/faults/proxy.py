"""A TCP proxy that makes connections fail the way networks and crashing servers do."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.kit.servers.ports import free_port

Side = Literal["client", "server"]
_CHUNK_BYTES = 65536
_DELIVERY_SECONDS = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Link:
    """A client's connection and the matching upstream connection. `sent` counts bytes since the last limit was set."""

    writers: dict[Side, asyncio.StreamWriter]
    sent: dict[Side, int] = field(default_factory=lambda: {"client": 0, "server": 0})

    def reset(self) -> None:
        for writer in self.writers.values():
            connection = writer.get_extra_info("socket")
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()


class FaultProxy:
    """A proxy that listens on `port`. Faults last until `heal()`, except for `reset_connections()`, which acts once."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._links: set[_Link] = set()
        self._is_forwarding = asyncio.Event()
        self._delay_seconds = 0.0
        self._limit: tuple[int, Side] | None = None
        self._is_half_closed = False
        self._listener: socket.socket | None = None

    def shut_down(self) -> None:
        """Behave like a stopped server: new connections get ECONNREFUSED, and open ones are reset."""
        self._run_in_loop(self._shut_down)

    def stall(self) -> None:
        """Forward nothing, but keep connections open and accept new ones. `heal()` delivers the withheld data."""
        self._run_in_loop(self._is_forwarding.clear)

    def delay(self, seconds: float) -> None:
        """Delay each chunk by `seconds`, in both directions."""
        self._run_in_loop(lambda: setattr(self, "_delay_seconds", seconds))

    def reset_after(self, n_bytes: int, sender: Side = "server") -> None:
        """Reset each connection once `sender` has sent `n_bytes` more; those bytes are still delivered."""
        self._run_in_loop(lambda: self._set_limit(n_bytes, sender))

    def half_close(self) -> None:
        """End the stream to clients. Data sent by clients is still delivered."""
        self._run_in_loop(self._half_close)

    def reset_connections(self) -> None:
        """Reset all open connections. New connections are not affected."""
        self._run_in_loop(self._reset_connections)

    def heal(self) -> None:
        """End all faults. Broken connections stay broken."""
        self._run_in_loop(self._heal)

    def client_port(self, port: int) -> int:
        """Return the client's port for the connection that reaches the server from `port`."""
        for link in list(self._links):
            if link.writers["server"].get_extra_info("sockname")[1] == port:
                return int(link.writers["client"].get_extra_info("peername")[1])
        raise LookupError(f"no connection from port {port}")

    def _run_in_loop(self, action: Callable[[], Any]) -> None:
        async def run() -> None:
            result = action()
            if asyncio.iscoroutine(result):
                await result

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _shut_down(self) -> None:
        if self._listener:
            self._loop.remove_reader(self._listener)
            self._listener.close()
        self._listener = None
        self._reset_connections()

    def _set_limit(self, n_bytes: int, sender: Side) -> None:
        for link in self._links:
            link.sent[sender] = 0
        self._limit = (n_bytes, sender)

    def _half_close(self) -> None:
        self._is_half_closed = True
        for link in self._links:
            _send_eof(link.writers["client"])

    def _reset_connections(self) -> None:
        for link in list(self._links):
            link.reset()

    def _heal(self) -> None:
        self._delay_seconds, self._limit, self._is_half_closed = 0.0, None, False
        self._is_forwarding.set()
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
            self._listener.setblocking(False)
            # Not asyncio.start_server(): closing its server leaks connections that are being accepted
            # (https://github.com/python/cpython/issues/109564).
            self._loop.add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listener.accept()
            self._loop.create_task(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection)
        link = _Link({"client": writer})
        self._links.add(link)
        try:
            if self._listener is None:
                raise ConnectionResetError
            await self._is_forwarding.wait()
            upstream, link.writers["server"] = await asyncio.open_connection("127.0.0.1", self._target_port)
            if self._is_half_closed:
                _send_eof(writer)
            await asyncio.gather(self._pump("client", reader, link), self._pump("server", upstream, link))
        except OSError:
            link.reset()
        finally:
            self._links.discard(link)
            for each in link.writers.values():
                each.close()

    async def _pump(self, sender: Side, reader: asyncio.StreamReader, link: _Link) -> None:
        receiver = link.writers["server" if sender == "client" else "client"]
        while chunk := await reader.read(_CHUNK_BYTES):
            await self._is_forwarding.wait()
            await asyncio.sleep(self._delay_seconds)
            if not (sender == "server" and self._is_half_closed):
                receiver.write(chunk[: self._bytes_left(sender, link)])
                await receiver.drain()
            link.sent[sender] += len(chunk)
            if self._bytes_left(sender, link) == 0:
                # A reset discards what the receiver has not read yet.
                await asyncio.sleep(_DELIVERY_SECONDS)
                link.reset()
        await self._is_forwarding.wait()
        _send_eof(receiver)

    def _bytes_left(self, sender: Side, link: _Link) -> int | None:
        """Return the number of bytes that `sender` may still send, or `None` if there is no limit."""
        if self._limit is None or self._limit[1] != sender:
            return None
        return max(0, self._limit[0] - link.sent[sender])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        # Waiting tasks continue, find their connections reset, and end.
        self._is_forwarding.set()
        while tasks := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()


def _send_eof(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, RuntimeError):
        writer.write_eof()


@contextmanager
def fault_proxy(target_port: int) -> Iterator[FaultProxy]:
    """Run a proxy for the server at `target_port`, with its event loop in a separate thread."""
    proxy = FaultProxy(target_port)
    thread = threading.Thread(target=proxy._run, name=f"proxy-{proxy.port}", daemon=True)
    thread.start()
    proxy.heal()
    try:
        yield proxy
    finally:
        proxy.shut_down()
        proxy._loop.call_soon_threadsafe(proxy._loop.stop)
        thread.join(10)
