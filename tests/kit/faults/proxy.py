"""A TCP proxy that breaks connections in the ways that networks and dying servers do."""

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
_PIECE_BYTES = 65536
_READING_SECONDS = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Link:
    """A client's connection and its counterpart at the server; what each side sent since the last fault."""

    writers: dict[Side, asyncio.StreamWriter]
    sent: dict[Side, int] = field(default_factory=lambda: {"client": 0, "server": 0})

    def reset(self) -> None:
        for writer in self.writers.values():
            connection = writer.get_extra_info("socket")
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()


class FaultProxy:
    """Listens on `port` of the loopback. A fault lasts until `heal()`; `cut()` is over at once."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._links: set[_Link] = set()
        self._speaks = asyncio.Event()
        self._delay_seconds = 0.0
        self._limit: tuple[int, Side] | None = None
        self._is_half_closed = False
        self._listener: asyncio.Server | None = None

    def refuse(self) -> None:
        """As if the server had ended: new connections are refused, and those that are open are reset."""
        self._do(self._refuse)

    def swallow(self) -> None:
        """Take connections and say nothing, also on those that are open; what is held back arrives when it heals."""
        self._do(self._speaks.clear)

    def delay(self, seconds: float) -> None:
        """Pass on each piece so much later, in both directions."""
        self._do(lambda: setattr(self, "_delay_seconds", seconds))

    def reset_after(self, n_bytes: int, sender: Side = "server") -> None:
        """Reset each connection once `sender` has sent `n_bytes` more on it; these still arrive."""
        self._do(lambda: self._set_limit(n_bytes, sender))

    def half_close(self) -> None:
        """Tell clients that nothing more will come; what they send still arrives."""
        self._do(self._half_close)

    def cut(self) -> None:
        """Reset the connections that are open; new ones are served."""
        self._do(self._cut)

    def heal(self) -> None:
        """Serve as if nothing had been; connections that were broken stay so."""
        self._do(self._heal)

    def origin(self, port: int) -> int:
        """The port of the client whose connection reaches the server from `port`."""
        for link in list(self._links):
            if link.writers["server"].get_extra_info("sockname")[1] == port:
                return int(link.writers["client"].get_extra_info("peername")[1])
        raise LookupError(f"no connection from port {port}")

    def _do(self, act: Callable[[], Any]) -> None:
        async def run() -> None:
            answer = act()
            if asyncio.iscoroutine(answer):
                await answer

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _refuse(self) -> None:
        if self._listener:
            self._listener.close()
        self._listener = None
        self._cut()

    def _set_limit(self, n_bytes: int, sender: Side) -> None:
        for link in self._links:
            link.sent[sender] = 0
        self._limit = (n_bytes, sender)

    def _half_close(self) -> None:
        self._is_half_closed = True
        for link in self._links:
            _say_nothing_more(link.writers["client"])

    def _cut(self) -> None:
        for link in list(self._links):
            link.reset()

    async def _heal(self) -> None:
        self._delay_seconds, self._limit, self._is_half_closed = 0.0, None, False
        self._speaks.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link({"client": writer})
        self._links.add(link)
        try:
            await self._speaks.wait()
            upstream, link.writers["server"] = await asyncio.open_connection("127.0.0.1", self._target_port)
            if self._is_half_closed:
                _say_nothing_more(writer)
            await asyncio.gather(self._pump("client", reader, link), self._pump("server", upstream, link))
        except OSError:
            link.reset()
        finally:
            self._links.discard(link)
            for each in link.writers.values():
                each.close()

    async def _pump(self, sender: Side, reader: asyncio.StreamReader, link: _Link) -> None:
        receiver = link.writers["server" if sender == "client" else "client"]
        while piece := await reader.read(_PIECE_BYTES):
            await self._speaks.wait()
            await asyncio.sleep(self._delay_seconds)
            if not (sender == "server" and self._is_half_closed):
                receiver.write(piece[: self._room(sender, link)])
                await receiver.drain()
            link.sent[sender] += len(piece)
            if self._room(sender, link) == 0:
                # A reset takes with it what has not been read.
                await asyncio.sleep(_READING_SECONDS)
                link.reset()
        await self._speaks.wait()
        _say_nothing_more(receiver)

    def _room(self, sender: Side, link: _Link) -> int | None:
        """How many bytes may still pass; None if there is no limit."""
        if self._limit is None or self._limit[1] != sender:
            return None
        return max(0, self._limit[0] - link.sent[sender])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        # Whoever waited goes on, finds its connection reset, and ends.
        self._speaks.set()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()


def _say_nothing_more(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, RuntimeError):
        writer.write_eof()


@contextmanager
def fault_proxy(target_port: int) -> Iterator[FaultProxy]:
    """A proxy before the server at `target_port`; its loop has a thread of its own."""
    proxy = FaultProxy(target_port)
    thread = threading.Thread(target=proxy._run, name=f"proxy-{proxy.port}", daemon=True)
    thread.start()
    proxy.heal()
    try:
        yield proxy
    finally:
        proxy.refuse()
        proxy._loop.call_soon_threadsafe(proxy._loop.stop)
        thread.join(10)
