"""Outgoing mail: sent by SMTP, or written to a mailbox folder that can be read back."""

from email.utils import parseaddr
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, current_app

from project.config import InvalidSettings, Settings
from project.infrastructure.mail.mailbox import FileMailer, ReceivedMessage, read_mailbox
from project.infrastructure.mail.message import Mailer, MailRejected, MailUnavailable, Message, parse_address
from project.infrastructure.mail.smtp import SmtpMailer

__all__ = [
    "MailRejected",
    "MailUnavailable",
    "Mailer",
    "Message",
    "ReceivedMessage",
    "current_mailer",
    "init_app",
    "open_mailer",
    "read_mailbox",
]


def open_mailer(url: str, *, sender: str) -> Mailer:
    """Return the mailer for `file:///dir`, `smtp://USER:PASS@HOST:PORT?tls=starttls|none` or `smtps://…`.

    Does not connect. Raises ValueError with a one-line message that never contains the password.
    """
    name, address = parseaddr(sender)
    author = parse_address(address, name=name)
    if not author.addr_spec.isascii():
        raise ValueError("the sender must be an ASCII address, which every mail server accepts")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("the URL is malformed") from None
    if parts.scheme == "file":
        return FileMailer.from_url(parts, sender=author)
    if parts.scheme in ("smtp", "smtps"):
        return SmtpMailer.from_url(parts, sender=author)
    raise ValueError("the scheme must be file, smtp or smtps")


def init_app(app: Flask, settings: Settings) -> None:
    """Open the mailer for `app`, as configured in `settings`. Raises InvalidSettings."""
    try:
        app.extensions["mailer"] = open_mailer(settings.mail_url, sender=settings.mail_sender)
    except ValueError as error:
        raise InvalidSettings(f"MAIL_URL: {error}") from error


def current_mailer() -> Mailer:
    """Return the mailer of the current application."""
    return cast(Mailer, current_app.extensions["mailer"])
