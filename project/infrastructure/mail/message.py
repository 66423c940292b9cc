"""Mail messages, their deterministic encoding, and the mailer interface."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Protocol

from project.infrastructure.email_domains import ascii_domain

_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_NOT_IN_HEADERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# A subject that fits on one line of 78 characters (RFC 5322, section 2.1.1), without leading or trailing spaces.
_SHORT_ASCII = re.compile(r"(?=.{1,69}$)[!-~]+( +[!-~]+)*")
_ENCODED_WORD = "=?"
_ATOM = r'[^\s\x00-\x1f\x7f-\x9f<>()\[\],;:\\"@]+'
_ADDRESS = re.compile(f"({_ATOM})@({_ATOM})")
# RFC 5322, section 2.1.1: at most 998 characters per line, excluding CRLF.
_MAX_LINE_LENGTH = 998
# Every server accepts 7-bit bodies, with or without the 8BITMIME extension.
_POLICY = SMTP.clone(cte_type="7bit")


class MailUnavailable(Exception):
    """Sending failed, but may succeed later: no connection, a timeout, a 4xx reply, or a configuration error."""


class MailRejected(Exception):
    """Sending cannot succeed: the server permanently rejected the recipient or the message (5xx)."""


@dataclass(frozen=True)
class Message:
    """An email to one address. `date` is timezone-aware. Equal messages have identical encodings.

    `html` is an optional alternative to `text`; the caller must escape the values that it inserts.
    """

    message_id: str
    to: str
    subject: str
    text: str
    date: datetime
    html: str | None = None

    @property
    def recipient(self) -> str:
        """`to` with an ASCII domain. Few servers support SMTPUTF8, and some that do cannot look up other domains."""
        local_part, _, domain = self.to.rpartition("@")
        return self.to if domain.isascii() else f"{local_part}@{ascii_domain(domain)}"


class Mailer(Protocol):
    """Sends messages."""

    def send(self, message: Message) -> None:
        """Send a message. Raises MailUnavailable, MailRejected, or ValueError if the message is invalid."""


def parse_address(value: str, *, name: str = "") -> Address:
    """Parse a single address of the form `local@domain`. Raises ValueError for anything else."""
    match = _ADDRESS.fullmatch(value)
    if match is None or _ENCODED_WORD in value or _NOT_IN_HEADERS.search(name):
        raise ValueError("not a single email address of the form local@domain")
    return Address(name, username=match[1], domain=match[2])


def compose(message: Message, sender: Address) -> EmailMessage:
    """Return the email to send, byte-for-byte identical each time. Raises ValueError if a header is invalid."""
    if not _MESSAGE_ID.fullmatch(message.message_id):
        raise ValueError("a Message-ID must be ASCII and have the form <left@right>")
    if _NOT_IN_HEADERS.search(message.subject):
        raise ValueError("a subject must be a single line without control characters or surrogates")
    mail = EmailMessage(policy=_POLICY.clone(utf8=not message.recipient.isascii()))
    mail["Message-ID"] = message.message_id
    mail["Date"] = message.date
    mail["From"] = sender
    mail["To"] = parse_address(message.recipient)
    # The header class of EmailMessage (Python 3.11) would decode encoded words in the subject, which may be part of a
    # user's name, and raises IndexError for some long subjects. `set_raw` bypasses it.
    # https://github.com/python/cpython/blob/3.11/Lib/email/headerregistry.py
    mail.set_raw("Subject", _encoded_subject(message.subject))
    # RFC 3834: prevents automatic replies, such as out-of-office messages.
    mail["Auto-Submitted"] = "auto-generated"
    _fill(mail, message)
    return mail


def _encoded_subject(subject: str) -> str:
    """Return the subject encoded on short lines, so that every mail program decodes it to the same text."""
    if _SHORT_ASCII.fullmatch(subject) and _ENCODED_WORD not in subject:
        return subject
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _fill(mail: EmailMessage, message: Message) -> None:
    mail.set_content(message.text, cte=_encoding(message.text))
    if message.html is not None:
        # The default boundary is random, so the bytes would differ each time.
        seed = "\0".join((message.message_id, message.text, message.html))
        mail.make_alternative(boundary="=_" + hashlib.sha256(seed.encode()).hexdigest()[:40])
        mail.add_alternative(message.html, subtype="html", cte=_encoding(message.html))


def _encoding(body: str) -> str | None:
    """Return `7bit`, which keeps links in the source intact, if possible, or None for the default encoding."""
    plain = body.isascii() and all(len(line) < _MAX_LINE_LENGTH for line in body.splitlines())
    return "7bit" if plain else None
