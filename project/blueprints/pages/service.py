"""The development mailbox: mail that would have been sent, ready to be read. Nothing here knows HTTP."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from project.infrastructure.mail import ReceivedMessage, read_mailbox

_MOST = 100


def mail_server(mail_url: str) -> str | None:
    """The server that mail goes to, without its password; None when it goes to a folder."""
    parts = urlsplit(mail_url)
    return None if parts.scheme == "file" else parts.hostname


def list_mail(mail_url: str) -> list[dict[str, Any]]:
    """The newest 100 messages of the folder, newest first; none when mail goes to a server."""
    if mail_server(mail_url):
        return []
    return [_view(message) for message in read_mailbox(Path(unquote(urlsplit(mail_url).path)), limit=_MOST)]


def _view(message: ReceivedMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "message_id": message.message_id,
        "to": message.to,
        "from": message.sender,
        "subject": message.subject,
        "date": message.date and _rfc3339(message.date),
        "text": message.text,
        "html": message.html,
    }


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
