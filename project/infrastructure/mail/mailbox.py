"""A mailbox folder for development: one `.eml` file per message, which can be read back."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import default
from heapq import nlargest
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote

from project.infrastructure.mail.message import MailUnavailable, Message, compose


@dataclass(frozen=True)
class FileMailer:
    """Writes each message to a file named after its Message-ID. Sending a message again replaces its file."""

    sender: Address
    directory: Path

    @classmethod
    def from_url(cls, parts: SplitResult, *, sender: Address) -> Self:
        """Return the mailer for `file:///absolute/directory`. Raises ValueError."""
        if parts.netloc not in ("", "localhost") or not parts.path or parts.query or parts.fragment:
            raise ValueError("the URL of a mailbox folder must have the form file:///absolute/directory")
        return cls(sender, Path(unquote(parts.path)))

    def send(self, message: Message) -> None:
        """Write the message to the folder atomically. Raises MailUnavailable."""
        content = compose(message, self.sender).as_bytes()
        try:
            self._write(_file_name(message.message_id), content)
        except OSError as error:
            raise MailUnavailable(f"cannot write to the mailbox folder: {error.strerror}") from error

    def _write(self, name: str, content: bytes) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self.directory, suffix=".draft")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            Path(draft).replace(self.directory / name)
        finally:
            Path(draft).unlink(missing_ok=True)


@dataclass(frozen=True)
class ReceivedMessage:
    """A decoded message from the mailbox folder. `id` is its URL-safe file name without the extension."""

    id: str
    message_id: str
    to: str
    sender: str
    subject: str
    date: datetime | None
    text: str
    html: str | None


def read_mailbox(directory: Path, *, limit: int) -> list[ReceivedMessage]:
    """Return the newest `limit` messages, newest first, or an empty list if the folder does not exist."""
    paths = nlargest(limit, directory.glob("*.eml"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [_read(path) for path in paths]


def _read(path: Path) -> ReceivedMessage:
    mail = message_from_bytes(path.read_bytes(), policy=default)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return ReceivedMessage(
        id=path.stem,
        message_id=str(mail["Message-ID"]),
        to=str(mail["To"]),
        sender=str(mail["From"]),
        subject=str(mail["Subject"]),
        date=mail["Date"].datetime if mail["Date"] else None,
        text=text.get_content() if text else "",
        html=html.get_content() if html else None,
    )


def _file_name(message_id: str) -> str:
    # The digest distinguishes ids that are equal after unsafe characters have been replaced.
    readable = re.sub(r"[^A-Za-z0-9@-]", "_", message_id.strip("<>"))[:80]
    return f"{readable}.{hashlib.sha256(message_id.encode()).hexdigest()[:16]}.eml"
