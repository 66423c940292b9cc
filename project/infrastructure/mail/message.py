"""One mail and its exact bytes, and what a mailer promises about it."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Protocol

_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_LINE_BREAK_OR_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ENCODED_WORD = "=?"
_ATOM = r'[^\s\x00-\x1f\x7f-\x9f<>()\[\],;:\\"@]+'
_ADDRESS = re.compile(f"({_ATOM})@({_ATOM})")
# RFC 5322, 2.1.1, less the end of the line.
_MAX_LINE_LENGTH = 998
# Bodies in 7 bits pass every server, with or without 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")


class MailUnavailable(Exception):
    """May succeed later: no connection, a time-out, a 4xx answer, or a server set up wrongly."""


class MailRejected(Exception):
    """Will never succeed: the server refused the recipient or the message for good (5xx)."""


@dataclass(frozen=True)
class Message:
    """One mail to one address; `date` carries a time zone. Equal messages have equal bytes."""

    message_id: str
    to: str
    subject: str
    text: str
    date: datetime
    html: str | None = None


class Mailer(Protocol):
    """Where mail goes."""

    def send(self, message: Message) -> None:
        """Send; raise MailUnavailable, MailRefused, or ValueError for a message that cannot be written."""


def parse_address(value: str, *, name: str = "") -> Address:
    """One bare address, `local@domain`; ValueError if it is anything else, or several."""
    match = _ADDRESS.fullmatch(value)
    if match is None or _ENCODED_WORD in value or _LINE_BREAK_OR_CONTROL.search(name):
        raise ValueError("not one e-mail address of the form local@domain")
    return Address(name, username=match[1], domain=match[2])


def compose(message: Message, sender: Address) -> EmailMessage:
    """The mail as it is sent, fixed to the last byte; ValueError if a header would break or split."""
    if not _MESSAGE_ID.fullmatch(message.message_id):
        raise ValueError("a Message-ID has the form <left@right>, in ASCII")
    if _LINE_BREAK_OR_CONTROL.search(message.subject):
        raise ValueError("a subject is one line without control characters")
    mail = EmailMessage(policy=_POLICY.clone(utf8=not message.to.isascii()))
    mail["Message-ID"] = message.message_id
    mail["Date"] = message.date
    mail["From"] = sender
    mail["To"] = parse_address(message.to)
    mail["Subject"] = message.subject
    # The header decodes encoded words (RFC 2047), whose line breaks would be written out as they are.
    if _LINE_BREAK_OR_CONTROL.search(str(mail["Subject"])):
        raise ValueError("a subject is one line without control characters, encoded or not")
    # RFC 3834: keeps out-of-office robots from answering.
    mail["Auto-Submitted"] = "auto-generated"
    _fill(mail, message)
    return mail


def _fill(mail: EmailMessage, message: Message) -> None:
    mail.set_content(message.text, cte=_encoding(message.text))
    if message.html is not None:
        # Without a boundary of our own, a random one would change the bytes each time.
        seed = "\0".join((message.message_id, message.text, message.html))
        mail.make_alternative(boundary="=_" + hashlib.sha256(seed.encode()).hexdigest()[:40])
        mail.add_alternative(message.html, subtype="html", cte=_encoding(message.html))


def _encoding(body: str) -> str | None:
    """As it is wherever mail allows that, so that a link stays in one piece for whoever reads the source."""
    plain = body.isascii() and all(len(line) < _MAX_LINE_LENGTH for line in body.splitlines())
    return "7bit" if plain else None
