"""Mail as its receiver sees it: in the deployment's development mailbox, or in a folder of .eml files."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Protocol, TypeVar

from tests.verify.checks import Failed
from tests.verify.client import Client

_TOKEN = re.compile(r"https?://\S+/invitation#token=([A-Za-z0-9._~-]+)")
_PAUSE_SECONDS = 0.05

T = TypeVar("T")


class Mailbox(Protocol):
    """Where mail can be read."""

    def texts(self, address: str) -> Iterator[str]:
        """The plain text of each mail to this address, newest first."""


@dataclass(frozen=True)
class DevelopmentMailbox:
    """`/dev/mail`, which only a deployment for development has, and shows to its own machine."""

    client: Client

    def texts(self, address: str) -> Iterator[str]:
        answer = self.client.send("GET", "/dev/mail", headers={"Accept": "application/json"})
        if answer.status == 404:
            raise Failed("GET /dev/mail", 200, "404: where it is not served, name a folder with --mailbox")
        for mail in answer.succeeded(200)["items"]:
            if mail["to"] == address:
                yield mail["text"]


@dataclass(frozen=True)
class FolderMailbox:
    """One .eml file a message."""

    folder: Path

    def texts(self, address: str) -> Iterator[str]:
        for path in sorted(self.folder.glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True):
            mail = message_from_bytes(path.read_bytes(), policy=default)
            text = mail.get_body(("plain",))
            if str(mail["To"]) == address and text is not None:
                yield text.get_content()


def wait_for_token(mailbox: Mailbox, address: str, *, patience_seconds: float) -> str:
    """The token in the link of the newest mail to `address`. Raises Failed."""
    where = f"mail to {address}"
    text = wait_for(where, lambda: next(mailbox.texts(address), None), patience_seconds=patience_seconds)
    link = _TOKEN.search(text)
    if link is None:
        raise Failed(where, "a link …/invitation#token=…", "a mail without one")
    return link[1]


def wait_for(where: str, look: Callable[[], T | None], *, patience_seconds: float) -> T:
    """What `look` finds, as soon as it finds anything. Raises Failed."""
    deadline = time.monotonic() + patience_seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise Failed(where, f"within {patience_seconds:g} s", "nothing yet")
        time.sleep(_PAUSE_SECONDS)
    return found
