"""A real SMTP server that stores received messages byte for byte and can be made to fail while it runs."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.kit.servers.ports import free_port

_POLL_SECONDS = 0.02


@dataclass
class Faults:
    """The faults that a server simulates, starting with the next command. By default, there are none."""

    greylisted: int = 0
    """The number of recipients to reject with 451 before one is accepted."""
    rejected_recipients: dict[str, str] = field(default_factory=dict)
    """Recipients to reject, each with its reply."""
    rejection: str | None = None
    """The reply that rejects every message."""
    dropped_connections: int = 0
    """The number of messages to store without replying 250: the connection is dropped instead."""
    unanswered_commands: set[str] = field(default_factory=set)
    """Commands (`DATA`, `QUIT`) that are executed but get no reply while they are in this set."""
    pause_seconds: float = 0
    """The delay before each byte of a reply."""


@dataclass(frozen=True)
class Smtp:
    """A running server. Received messages are appended to `received`, and written to `folder` if there is one."""

    port: int
    folder: Path | None
    options: dict[str, Any]
    received: list[bytes] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    peers: list[int] = field(default_factory=list)
    """The client's port for each message."""
    faults: Faults = field(default_factory=Faults)
    _listeners: list[Controller] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    def by_message_id(self) -> dict[str, list[bytes]]:
        """Return the received messages, grouped by Message-ID."""
        messages = defaultdict(list)
        for content in self.received:
            messages[str(message_from_bytes(content, policy=default)["Message-ID"])].append(content)
        return dict(messages)

    def heal(self) -> None:
        """End all faults, and start listening again if the server was stopped."""
        vars(self.faults).update(vars(Faults()))
        if not self._listeners:
            self.start()

    def stop(self) -> None:
        """Close all connections and stop listening."""
        listener = self._listeners.pop()
        asyncio.run_coroutine_threadsafe(_close_connections(listener), listener.loop).result(10)
        listener.stop()

    def start(self) -> None:
        """Start listening."""
        controller = _Controller(self, hostname="127.0.0.1", port=self.port, **self.options)
        controller.start()
        self._listeners.append(controller)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept or reject a recipient. aiosmtpd calls this method by its name."""
        if self.faults.greylisted > 0:
            self.faults.greylisted -= 1
            return "451 4.7.1 greylisted, try again later"
        if address in self.faults.rejected_recipients:
            return self.faults.rejected_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store or reject a message. aiosmtpd calls this method by its name."""
        if self.faults.rejection:
            return self.faults.rejection
        self._keep(envelope, session)
        if self.faults.dropped_connections > 0:
            self.faults.dropped_connections -= 1
            server.transport.abort()
        await self._hold("DATA")
        return "250 OK"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """Reply to QUIT. aiosmtpd calls this method by its name."""
        await self._hold("QUIT")
        return "221 Bye"

    async def _hold(self, command: str) -> None:
        while command in self.faults.unanswered_commands:
            await asyncio.sleep(_POLL_SECONDS)

    def _keep(self, envelope: Envelope, session: Session) -> None:
        content = envelope.original_content or b""
        self.envelopes.append(envelope)
        self.peers.append(session.peer[1])
        self.received.append(content)
        if self.folder:
            (self.folder / f"{len(self.received)}.eml").write_bytes(content)


async def _close_connections(listener: Controller) -> None:
    # asyncio warns about connections that are still open when their event loop stops.
    assert listener.server is not None
    listener.server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(_POLL_SECONDS)


class _Protocol(SMTP):
    async def push(self, status: str | bytes) -> None:
        reply = status.encode() if isinstance(status, str) else status
        try:
            while reply and self.event_handler.faults.pause_seconds:
                await asyncio.sleep(self.event_handler.faults.pause_seconds)
                self._writer.write(reply[:1])
                reply = reply[1:]
        except asyncio.CancelledError:
            self._writer.close()
            raise
        await super().push(reply)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Protocol(self.handler, **self.SMTP_kwargs)


@contextmanager
def smtp(folder: Path | None = None, **options: Any) -> Iterator[Smtp]:
    """Run an SMTP server in a thread of this process. `options` are passed to `aiosmtpd.smtp.SMTP`."""
    server = Smtp(free_port(), folder, options)
    server.start()
    try:
        yield server
    finally:
        if server._listeners:
            server.stop()
