"""A real SMTP server that keeps what it was sent, byte for byte, and fails as a test tells it to while it runs."""

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

_LOOKS_EVERY_SECONDS = 0.02


@dataclass
class Faults:
    """What the server does from the next command on; as it is made, nothing is wrong."""

    greylisted: int = 0
    """So many recipients are put off with 451 before one is taken."""
    refused: dict[str, str] = field(default_factory=dict)
    """The answer to each recipient that is refused."""
    refusal: str | None = None
    """The answer to every mail, none of which is taken."""
    hang_ups: int = 0
    """So many mails are taken, and the connection is dropped instead of the 250."""
    held: set[str] = field(default_factory=set)
    """What is taken, and not answered as long as it stands here: `DATA`, `QUIT`."""
    pause_seconds: float = 0
    """How long the server waits before each byte of an answer."""


@dataclass(frozen=True)
class Smtp:
    """A listening server; `taken` grows as mail comes in, and so does `folder`, if there is one."""

    port: int
    folder: Path | None
    options: dict[str, Any]
    taken: list[bytes] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    peers: list[int] = field(default_factory=list)
    """The port of whoever sent each of them."""
    faults: Faults = field(default_factory=Faults)
    _listeners: list[Controller] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    def by_message_id(self) -> dict[str, list[bytes]]:
        """Each time that a mail was taken."""
        found = defaultdict(list)
        for content in self.taken:
            found[str(message_from_bytes(content, policy=default)["Message-ID"])].append(content)
        return dict(found)

    def heal(self) -> None:
        """Serve as if nothing had been."""
        vars(self.faults).update(vars(Faults()))
        if not self._listeners:
            self.start()

    def stop(self) -> None:
        """Hang up, and refuse connections."""
        listener = self._listeners.pop()
        asyncio.run_coroutine_threadsafe(_hang_up(listener), listener.loop).result(10)
        listener.stop()

    def start(self) -> None:
        """Listen."""
        controller = _Controller(self, hostname="127.0.0.1", port=self.port, **self.options)
        controller.start()
        self._listeners.append(controller)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """aiosmtpd calls this, by this name, for every recipient."""
        if self.faults.greylisted > 0:
            self.faults.greylisted -= 1
            return "451 4.7.1 greylisted, come again"
        if address in self.faults.refused:
            return self.faults.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd calls this, by this name, for every mail that has arrived."""
        if self.faults.refusal:
            return self.faults.refusal
        self._keep(envelope, session)
        if self.faults.hang_ups > 0:
            self.faults.hang_ups -= 1
            server.transport.abort()
        await self._hold("DATA")
        return "250 OK"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd calls this, by this name, at the end."""
        await self._hold("QUIT")
        return "221 Bye"

    async def _hold(self, command: str) -> None:
        while command in self.faults.held:
            await asyncio.sleep(_LOOKS_EVERY_SECONDS)

    def _keep(self, envelope: Envelope, session: Session) -> None:
        content = envelope.original_content or b""
        self.envelopes.append(envelope)
        self.peers.append(session.peer[1])
        self.taken.append(content)
        if self.folder:
            (self.folder / f"{len(self.taken)}.eml").write_bytes(content)


async def _hang_up(listener: Controller) -> None:
    """asyncio warns of connections that are open when their loop ends."""
    assert listener.server is not None
    listener.server.close()
    conversations = asyncio.all_tasks() - {asyncio.current_task()}
    for conversation in conversations:
        conversation.cancel()
    await asyncio.gather(*conversations, return_exceptions=True)
    await asyncio.sleep(_LOOKS_EVERY_SECONDS)


class _Protocol(SMTP):
    async def push(self, status: str | bytes) -> None:
        answer = status.encode() if isinstance(status, str) else status
        try:
            while answer and self.event_handler.faults.pause_seconds:
                await asyncio.sleep(self.event_handler.faults.pause_seconds)
                self._writer.write(answer[:1])
                answer = answer[1:]
        except asyncio.CancelledError:
            self._writer.close()
            raise
        await super().push(answer)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Protocol(self.handler, **self.SMTP_kwargs)


@contextmanager
def smtp(folder: Path | None = None, **options: Any) -> Iterator[Smtp]:
    """Run an SMTP server in a thread of this process; `options` are those of `aiosmtpd.smtp.SMTP`."""
    server = Smtp(free_port(), folder, options)
    server.start()
    try:
        yield server
    finally:
        if server._listeners:
            server.stop()
