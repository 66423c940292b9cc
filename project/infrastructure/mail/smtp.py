"""Sends mail by SMTP with a timeout per wait and a total timeout, and classifies errors as temporary or permanent."""

import io
import smtplib
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from typing import Any, Literal, Self
from urllib.parse import SplitResult, unquote

from project.infrastructure.bounded_reader import BoundedReader
from project.infrastructure.mail.message import MailRejected, MailUnavailable, Message, compose

TIMEOUT_SECONDS = 10
TOTAL_SECONDS = 60

_Tls = Literal["implicit", "starttls", "none"]
_TLS: dict[tuple[str, str], _Tls] = {
    ("smtp", ""): "starttls",
    ("smtp", "tls=starttls"): "starttls",
    ("smtp", "tls=none"): "none",
    ("smtps", ""): "implicit",
}
_PORTS = {"smtp": 587, "smtps": 465}
_AUTHENTICATION_REQUIRED = 530


class _Client(smtplib.SMTP):
    """An SMTP client that limits the total time to read replies.

    smtplib (Python 3.11) limits only the wait for each packet, so a server that occasionally sends a byte could block
    the client forever. `getreply`, which reads every reply, creates the reader `self.file` if it is None. Creating it
    here first makes smtplib use the bounded reader. https://github.com/python/cpython/blob/3.11/Lib/smtplib.py
    """

    _replies: BoundedReader

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self._replies = BoundedReader(self.sock, idle_timeout_seconds=self.timeout, total_seconds=TOTAL_SECONDS)
            self.file = io.BufferedReader(self._replies)
        return super().getreply()

    def data(self, msg: Any) -> tuple[int, bytes]:
        # If the client stopped waiting while the server processes the mail, it would send the mail again (RFC 5321,
        # section 4.5.3.2.6).
        self._replies.idle_timeout_seconds = TOTAL_SECONDS
        return super().data(msg)


class _TlsClient(_Client, smtplib.SMTP_SSL):
    pass


@dataclass(frozen=True)
class SmtpMailer:
    """Sends each message over a new connection to an SMTP server."""

    sender: Address
    host: str
    port: int
    tls: _Tls
    credentials: tuple[str, str] | None = field(repr=False)

    @classmethod
    def from_url(cls, parts: SplitResult, *, sender: Address) -> Self:
        """Return the mailer for `smtp://USER:PASS@HOST:PORT?tls=starttls|none` or `smtps://USER:PASS@HOST:PORT`.

        Raises ValueError.
        """
        tls = _TLS.get((parts.scheme, parts.query))
        if tls is None or parts.path not in ("", "/") or parts.fragment:
            raise ValueError("only ?tls=starttls or ?tls=none may follow the port, and only for smtp")
        return cls(sender, *_server(parts), tls, _credentials(parts))

    def send(self, message: Message) -> None:
        """Send the message.

        Raises MailRejected for a 5xx reply to the recipient or the message, and MailUnavailable for any other failure.
        """
        content = compose(message, self.sender).as_bytes()
        try:
            with closing(self._connect()) as server:
                self._authenticate(server)
                self._deliver(server, message.recipient, content)
        except (OSError, ValueError) as error:
            # Not chained: the server's reply may contain the recipient's address, which must not be logged.
            raise _mail_error(error) from None

    def _connect(self) -> smtplib.SMTP:
        # Without `local_hostname`, smtplib would look the name up in DNS, without a timeout.
        name = self.sender.domain
        if self.tls != "implicit":
            return _Client(self.host, self.port, name, TIMEOUT_SECONDS)
        context = ssl.create_default_context()
        return _TlsClient(self.host, self.port, name, timeout=TIMEOUT_SECONDS, context=context)

    def _authenticate(self, server: smtplib.SMTP) -> None:
        if self.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
        if self.credentials:
            server.login(*self.credentials)
        server.ehlo_or_helo_if_needed()

    def _deliver(self, server: smtplib.SMTP, to: str, content: bytes) -> None:
        if not to.isascii() and not server.has_extn("smtputf8"):
            raise MailRejected("the mail server accepts only ASCII addresses")
        options = () if to.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
        server.sendmail(self.sender.addr_spec, [to], content, options)
        # The server has accepted the mail. Do not wait for the reply to QUIT: after a crash during that wait, the mail
        # would be sent again.
        with suppress(OSError):
            server.putcmd("quit")


def _server(parts: SplitResult) -> tuple[str, int]:
    try:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        host.encode("idna")
    except ValueError:
        # Not chained: urllib's message quotes the invalid port, which may be part of the password.
        raise ValueError(
            "the host or port is invalid; if the password contains special characters, percent-encode them"
        ) from None
    if not host:
        raise ValueError("the host is missing")
    return host, port


def _credentials(parts: SplitResult) -> tuple[str, str] | None:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("user and password must be given together")
    if not (user + password).isascii():
        raise ValueError("user and password must be ASCII")
    return (user, password) if user else None


def _mail_error(error: OSError | ValueError) -> MailUnavailable | MailRejected:
    code = 0
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
    elif isinstance(error, smtplib.SMTPDataError):
        code = error.smtp_code
    # A 5xx reply to the greeting, the login or the sender, or a 530, is a configuration error: retry until it is fixed.
    if 500 <= code < 600 and code != _AUTHENTICATION_REQUIRED:
        return MailRejected(f"the mail server replied {code}")
    return MailUnavailable(f"the mail server replied {code}" if code else _describe(error))


def _describe(error: OSError | ValueError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server replied {error.smtp_code}: {type(error).__name__}"
    return f"{type(error).__name__}: {error}"
