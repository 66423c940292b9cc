"""Reads received emails from the development mailbox or from a folder of .eml files."""

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
_POLL_INTERVAL_SECONDS = 0.05

T = TypeVar("T")


class Mailbox(Protocol):
    """A source of received emails."""

    def texts(self, address: str) -> Iterator[str]:
        """Return the plain text of each email to this address, newest first."""


@dataclass(frozen=True)
class DevelopmentMailbox:
    """The page `/dev/mail`. It exists only in development, and only for clients on the same machine."""

    client: Client

    def texts(self, address: str) -> Iterator[str]:
        response = self.client.send("GET", "/dev/mail", headers={"Accept": "application/json"})
        if response.status == 404:
            raise Failed("GET /dev/mail", 200, "404: pass --mailbox DIR if the deployment has no development mailbox")
        for message in response.expect_success(200)["items"]:
            if message["to"] == address:
                yield message["text"]


@dataclass(frozen=True)
class FolderMailbox:
    """A folder with one .eml file per message."""

    folder: Path

    def texts(self, address: str) -> Iterator[str]:
        for path in sorted(self.folder.glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True):
            message = message_from_bytes(path.read_bytes(), policy=default)
            text = message.get_body(("plain",))
            if str(message["To"]) == address and text is not None:
                yield text.get_content()


def wait_for_token(mailbox: Mailbox, address: str, *, timeout_seconds: float) -> str:
    """Wait for an invitation to `address` and return the token in its link. Raises Failed if none arrives in time."""

    def find_link() -> re.Match[str] | None:
        return next(filter(None, map(_TOKEN.search, mailbox.texts(address))), None)

    return wait_for(f"invitation to {address}", find_link, timeout_seconds=timeout_seconds)[1]


def wait_for(where: str, poll: Callable[[], T | None], *, timeout_seconds: float) -> T:
    """Call `poll` until it returns a value, and return it. Raises Failed after the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while (found := poll()) is None:
        if time.monotonic() > deadline:
            raise Failed(where, f"arrival within {timeout_seconds:g} s", "nothing")
        time.sleep(_POLL_INTERVAL_SECONDS)
    return found
