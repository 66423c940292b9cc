"""A real SMTP server that keeps what it was sent."""

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.kit.ports import free_port


@dataclass(frozen=True)
class Smtp:
    """A listening server; `messages` grows as mail comes in, and so does `folder`, if there is one."""

    url: str
    folder: Path | None = None
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd calls this, by this name, for every accepted message."""
        content = envelope.original_content or b""
        self.messages.append(email.message_from_bytes(content, policy=email.policy.default))
        if self.folder:
            (self.folder / f"{len(self.messages)}.eml").write_bytes(content)
        return "250 OK"


@contextmanager
def smtp(folder: Path | None = None) -> Iterator[Smtp]:
    """Run an SMTP server in a thread of this process."""
    port = free_port()
    server = Smtp(f"smtp://127.0.0.1:{port}?tls=none", folder)
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
