"""Mail by SMTP, with a time-out on every wait and on all of them, and answers judged as passing or final."""

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
_NO_LOG_IN = 530


class _Client(smtplib.SMTP):
    """smtplib's, which by itself bounds the wait for each byte of an answer, and no answer as a whole."""

    _answers: BoundedReader

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self._answers = BoundedReader(self.sock, idle_timeout_seconds=self.timeout, total_seconds=TOTAL_SECONDS)
            self.file = io.BufferedReader(self._answers)
        return super().getreply()

    def data(self, msg: Any) -> tuple[int, bytes]:
        # Whoever gives up a mail that the server is still looking at will send it twice (RFC 5321, 4.5.3.2.6).
        self._answers.idle_timeout_seconds = TOTAL_SECONDS
        return super().data(msg)


class _TlsClient(_Client, smtplib.SMTP_SSL):
    pass


@dataclass(frozen=True)
class SmtpMailer:
    """A server that is reached anew for each message."""

    sender: Address
    host: str
    port: int
    tls: _Tls
    credentials: tuple[str, str] | None = field(repr=False)

    @classmethod
    def from_url(cls, parts: SplitResult, *, sender: Address) -> Self:
        """The mailer for `smtp://USER:PASS@HOST:PORT?tls=starttls|none` or `smtps://USER:PASS@HOST:PORT`."""
        tls = _TLS.get((parts.scheme, parts.query))
        if tls is None or parts.path not in ("", "/") or parts.fragment:
            raise ValueError("after the port may stand ?tls=starttls or ?tls=none (smtp only)")
        return cls(sender, *_server(parts), tls, _credentials(parts))

    def send(self, message: Message) -> None:
        """Hand the message to the server; MailRefused only if it says 5xx to the recipient or the message."""
        content = compose(message, self.sender).as_bytes()
        try:
            with closing(self._connect()) as server:
                self._introduce(server)
                self._deliver(server, message.to, content)
        except (OSError, ValueError) as error:
            # Not chained: the server's words may repeat the address, which belongs in no log.
            raise _judge(error) from None

    def _connect(self) -> smtplib.SMTP:
        # Given no name for itself, smtplib asks DNS for one, without a time-out.
        name = self.sender.domain
        if self.tls != "implicit":
            return _Client(self.host, self.port, name, TIMEOUT_SECONDS)
        context = ssl.create_default_context()
        return _TlsClient(self.host, self.port, name, timeout=TIMEOUT_SECONDS, context=context)

    def _introduce(self, server: smtplib.SMTP) -> None:
        if self.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
        if self.credentials:
            server.login(*self.credentials)
        server.ehlo_or_helo_if_needed()

    def _deliver(self, server: smtplib.SMTP, to: str, content: bytes) -> None:
        if not to.isascii() and not server.has_extn("smtputf8"):
            raise MailRejected("the mail server takes ASCII addresses only")
        options = () if to.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
        server.sendmail(self.sender.addr_spec, [to], content, options)
        # Taken is taken: nobody waits for the farewell, during which a crash would have the mail sent again.
        with suppress(OSError):
            server.putcmd("quit")


def _server(parts: SplitResult) -> tuple[str, int]:
    try:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        host.encode("idna")
    except ValueError:
        # Not chained: urllib shows the text it took for a port, which may be part of a password.
        raise ValueError("the host or port cannot be read; percent-encode the password") from None
    if not host:
        raise ValueError("the host is missing")
    return host, port


def _credentials(parts: SplitResult) -> tuple[str, str] | None:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("a user and a password come together")
    if not (user + password).isascii():
        raise ValueError("smtplib can send an ASCII user and password only")
    return (user, password) if user else None


def _judge(error: OSError | ValueError) -> MailUnavailable | MailRejected:
    code = 0
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
    elif isinstance(error, smtplib.SMTPDataError):
        code = error.smtp_code
    # A 5xx to the greeting, the log-in or the sender is a mistake of the set-up, which can be mended.
    if 500 <= code < 600 and code != _NO_LOG_IN:
        return MailRejected(f"the mail server answered {code}")
    return MailUnavailable(f"the mail server answered {code}" if code else _describe(error))


def _describe(error: OSError | ValueError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered {error.smtp_code}: {type(error).__name__}"
    return f"{type(error).__name__}: {error}"
