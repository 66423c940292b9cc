"""Sending mail through real SMTP servers that accept the message, reject it, or fail."""

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from project.infrastructure.mail import MailRejected, MailUnavailable, Message, open_mailer, smtp
from tests.kit.servers import services
from tests.kit.servers.certificate import server_context
from tests.kit.servers.ports import free_port
from tests.kit.servers.services import Smtp

SENDER = "Groundwork <no-reply@example.com>"
MESSAGE = Message(
    message_id="<invitation.7.1@example.com>",
    to="ada@example.org",
    subject="Grüße an Ada",
    text="Willkommen, schöne Welt: https://example.com/invitation#token=" + "a" * 120,
    date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    html="<p>Willkommen</p>",
)


def send(server: Smtp, message: Message = MESSAGE) -> None:
    open_mailer(server.url, sender=SENDER).send(message)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS context of a server whose certificate this process trusts."""
    pem = tmp_path / "certificate.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return server_context(pem)


def authenticate_ada(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"ada", b"p@ss:w/rd"), handled=False)


def send_with_password(
    password: str, tls: ssl.SSLContext, authenticator: Callable[..., AuthResult] = authenticate_ada
) -> list[bytes]:
    """Send a message, logging in with `password`, and return the messages that the server accepted."""
    with services.smtp(tls_context=tls, authenticator=authenticator, auth_required=True) as server:
        open_mailer(f"smtp://ada:{password}@127.0.0.1:{server.port}", sender=SENDER).send(MESSAGE)
    return server.received


def test_smtp_server_and_mailbox_folder_receive_same_bytes_every_time(smtp_server: Smtp, tmp_path: Path) -> None:
    send(smtp_server)
    send(smtp_server)
    open_mailer(tmp_path.as_uri(), sender=SENDER).send(MESSAGE)
    [file] = tmp_path.iterdir()
    assert smtp_server.received == [file.read_bytes()] * 2


def test_message_arrives_with_its_content_and_envelope(smtp_server: Smtp) -> None:
    send(smtp_server)
    [envelope], [content] = smtp_server.envelopes, smtp_server.received
    mail = message_from_bytes(content, policy=default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@example.com", [MESSAGE.to])
    assert (mail["Message-ID"], mail["Subject"]) == (MESSAGE.message_id, MESSAGE.subject)
    assert mail.get_body(("plain",)).get_content().strip() == MESSAGE.text


def test_message_is_sent_as_seven_bit_ascii(smtp_server: Smtp) -> None:
    send(smtp_server, replace(MESSAGE, text="schöne Welt"))
    assert smtp_server.received[0].isascii()


def rejecting(server: Smtp, command: str, reply: str) -> Smtp:
    """Make the server reject the recipient (`RCPT`) or the message (`DATA`) with `reply`."""
    if command == "RCPT":
        server.faults.rejected_recipients[MESSAGE.to] = reply
    else:
        server.faults.rejection = reply
    return server


@pytest.mark.parametrize(("command", "reply"), [("RCPT", "451 later"), ("DATA", "451 later"), ("DATA", "421 bye")])
def test_temporary_rejection_raises_mail_unavailable(smtp_server: Smtp, command: str, reply: str) -> None:
    with pytest.raises(MailUnavailable, match=r"4[25]1"):
        send(rejecting(smtp_server, command, reply))


@pytest.mark.parametrize(
    ("command", "reply"), [("RCPT", "550 no such user ada@example.org"), ("DATA", "554 no"), ("DATA", "552 too much")]
)
def test_permanent_rejection_raises_mail_rejected_without_revealing_the_address(
    smtp_server: Smtp, command: str, reply: str
) -> None:
    with pytest.raises(MailRejected, match=r"^the mail server replied 55[024]$"):
        send(rejecting(smtp_server, command, reply))


def test_missing_authentication_raises_mail_unavailable(smtp_server: Smtp) -> None:
    with pytest.raises(MailUnavailable, match="530"):
        send(rejecting(smtp_server, "RCPT", "530 5.7.0 authentication required"))


def test_closed_port_raises_mail_unavailable() -> None:
    with pytest.raises(MailUnavailable):
        open_mailer(f"smtp://127.0.0.1:{free_port()}?tls=none", sender=SENDER).send(MESSAGE)


def test_mail_unavailable_is_raised_if_server_disconnects_after_message(smtp_server: Smtp) -> None:
    smtp_server.faults.dropped_connections = 1
    with pytest.raises(MailUnavailable):
        send(smtp_server)
    assert len(smtp_server.received) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_unavailable_is_raised_within_timeout_if_server_is_unresponsive(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(MailUnavailable):
            open_mailer(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", sender=SENDER).send(MESSAGE)
    assert time.monotonic() - started < 2


def test_mail_unavailable_is_raised_within_total_timeout_if_server_replies_byte_by_byte(
    smtp_server: Smtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TOTAL_SECONDS", 1)
    smtp_server.faults.pause_seconds = 0.2
    started = time.monotonic()
    with pytest.raises(MailUnavailable):
        send(smtp_server)
    assert time.monotonic() - started < 3


def test_timeout_is_longer_for_message_than_for_other_commands(
    smtp_server: Smtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.3)
    smtp_server.faults.unanswered_commands.add("DATA")
    Timer(1, smtp_server.faults.unanswered_commands.clear).start()
    send(smtp_server)
    assert len(smtp_server.received) == 1


def test_reply_to_quit_is_not_awaited(smtp_server: Smtp) -> None:
    smtp_server.faults.unanswered_commands.add("QUIT")
    started = time.monotonic()
    send(smtp_server)
    assert time.monotonic() - started < 2


def test_malformed_login_reply_raises_mail_unavailable(tls: ssl.SSLContext) -> None:
    with pytest.raises(MailUnavailable):
        send_with_password("p%40ss%3Aw%2Frd", tls, lambda *_: AuthResult(success=False, handled=False, message="334 a"))


def test_percent_encoded_password_is_decoded_and_sent_over_tls(tls: ssl.SSLContext) -> None:
    assert len(send_with_password("p%40ss%3Aw%2Frd", tls)) == 1


def test_wrong_password_raises_mail_unavailable(tls: ssl.SSLContext) -> None:
    with pytest.raises(MailUnavailable, match="535"):
        send_with_password("wrong", tls)


def test_untrusted_certificate_raises_mail_unavailable(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        send_with_password("p%40ss%3Aw%2Frd", tls)


def test_mail_unavailable_is_raised_if_server_does_not_support_starttls(smtp_server: Smtp) -> None:
    with pytest.raises(MailUnavailable, match="STARTTLS"):
        open_mailer(f"smtp://127.0.0.1:{smtp_server.port}", sender=SENDER).send(MESSAGE)
    assert smtp_server.received == []


def test_internationalized_domain_is_sent_as_ascii_to_server_without_smtputf8() -> None:
    with services.smtp(enable_SMTPUTF8=False) as server:
        send(server, replace(MESSAGE, to="Ada@B\u00fccher\u3002example"))
    [envelope], [content] = server.envelopes, server.received
    assert envelope.rcpt_tos == ["Ada@xn--bcher-kva.example"]
    assert b"\r\nTo: Ada@xn--bcher-kva.example\r\n" in content
    assert content.isascii()


def test_non_ascii_local_part_is_sent_if_server_supports_smtputf8(smtp_server: Smtp) -> None:
    send(smtp_server, replace(MESSAGE, to="j\u00fcrgen@b\u00fccher.example"))
    assert smtp_server.envelopes[0].rcpt_tos == ["j\u00fcrgen@xn--bcher-kva.example"]
    assert "To: j\u00fcrgen@xn--bcher-kva.example\r\n".encode() in smtp_server.received[0]


def test_non_ascii_local_part_is_rejected_if_server_does_not_support_smtputf8() -> None:
    with services.smtp(enable_SMTPUTF8=False) as server, pytest.raises(MailRejected):
        send(server, replace(MESSAGE, to="j\u00fcrgen@b\u00fccher.example"))


def test_domain_that_idna_rejects_needs_smtputf8(smtp_server: Smtp) -> None:
    send(smtp_server, replace(MESSAGE, to="ada@\U0001f44d.example"))
    assert smtp_server.envelopes[0].rcpt_tos == ["ada@\U0001f44d.example"]
