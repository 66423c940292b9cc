"""The development mailbox: reads the emails that were written to a folder instead of being sent."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from project.errors import NotFound
from project.infrastructure.mail import ReceivedMessage, read_mailbox

_MAX_MESSAGES = 100


def mail_server(mail_url: str) -> str | None:
    """Return the host name of the mail server, or `None` if email is written to a folder."""
    parts = urlsplit(mail_url)
    return None if parts.scheme == "file" else parts.hostname


def list_mail(mail_url: str) -> list[dict[str, str | None]]:
    """Return the newest 100 messages in the folder, newest first, or an empty list if email is sent to a server."""
    if mail_server(mail_url):
        return []
    return [_view(message) for message in read_mailbox(Path(unquote(urlsplit(mail_url).path)), limit=_MAX_MESSAGES)]


def get_html(mail_url: str, message_id: str) -> str:
    """Return the HTML version of one of these messages. Raises NotFound."""
    for message in list_mail(mail_url):
        if message["id"] == message_id and message["html"]:
            return message["html"]
    raise NotFound


def _view(message: ReceivedMessage) -> dict[str, str | None]:
    return {
        "id": message.id,
        "message_id": message.message_id,
        "to": message.to,
        "from": message.sender,
        "subject": message.subject,
        "date": _rfc3339(message.date) if message.date else None,
        "text": message.text,
        "html": message.html,
    }


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
