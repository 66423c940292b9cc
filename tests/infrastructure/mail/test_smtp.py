"""Mail to real SMTP servers in every mood."""

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
    """A server's TLS context, whose certificate this process trusts."""
    pem = tmp_path / "certificate.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return server_context(pem)


def only_ada(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"ada", b"p@ss:w/rd"), handled=False)


def send_with_password(password: str, tls: ssl.SSLContext, judge: Callable[..., AuthResult] = only_ada) -> list[bytes]:
    """What a server took from whoever gave this password."""
    with services.smtp(tls_context=tls, authenticator=judge, auth_required=True) as server:
        open_mailer(f"smtp://ada:{password}@127.0.0.1:{server.port}", sender=SENDER).send(MESSAGE)
    return server.taken


def test_server_and_folder_are_given_the_same_bytes_each_time(smtp_server: Smtp, tmp_path: Path) -> None:
    send(smtp_server)
    send(smtp_server)
    open_mailer(tmp_path.as_uri(), sender=SENDER).send(MESSAGE)
    [file] = tmp_path.iterdir()
    assert smtp_server.taken == [file.read_bytes()] * 2


def test_message_arrives_as_it_was_meant(smtp_server: Smtp) -> None:
    send(smtp_server)
    [envelope], [content] = smtp_server.envelopes, smtp_server.taken
    mail = message_from_bytes(content, policy=default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@example.com", [MESSAGE.to])
    assert (mail["Message-ID"], mail["Subject"]) == (MESSAGE.message_id, MESSAGE.subject)
    assert mail.get_body(("plain",)).get_content().strip() == MESSAGE.text


def test_mail_needs_no_server_that_takes_eight_bits(smtp_server: Smtp) -> None:
    send(smtp_server, replace(MESSAGE, text="schöne Welt"))
    assert smtp_server.taken[0].isascii()


def answering(server: Smtp, command: str, answer: str) -> Smtp:
    """A server that gives this answer to the recipient, or to the mail."""
    if command == "RCPT":
        server.faults.refused[MESSAGE.to] = answer
    else:
        server.faults.refusal = answer
    return server


@pytest.mark.parametrize(("command", "answer"), [("RCPT", "451 later"), ("DATA", "451 later"), ("DATA", "421 bye")])
def test_passing_refusal_is_unavailable(smtp_server: Smtp, command: str, answer: str) -> None:
    with pytest.raises(MailUnavailable, match=r"4[25]1"):
        send(answering(smtp_server, command, answer))


@pytest.mark.parametrize(
    ("command", "answer"), [("RCPT", "550 no such user ada@example.org"), ("DATA", "554 no"), ("DATA", "552 too much")]
)
def test_final_refusal_is_refused_and_names_no_address(smtp_server: Smtp, command: str, answer: str) -> None:
    with pytest.raises(MailRejected, match=r"^the mail server answered 55[024]$"):
        send(answering(smtp_server, command, answer))


def test_recipient_refused_for_want_of_a_log_in_is_unavailable_since_it_can_be_mended(smtp_server: Smtp) -> None:
    with pytest.raises(MailUnavailable, match="530"):
        send(answering(smtp_server, "RCPT", "530 5.7.0 authentication required"))


def test_closed_port_is_unavailable() -> None:
    with pytest.raises(MailUnavailable):
        open_mailer(f"smtp://127.0.0.1:{free_port()}?tls=none", sender=SENDER).send(MESSAGE)


def test_server_that_takes_the_mail_and_hangs_up_is_unavailable(smtp_server: Smtp) -> None:
    smtp_server.faults.hang_ups = 1
    with pytest.raises(MailUnavailable):
        send(smtp_server)
    assert len(smtp_server.taken) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_silent_server_is_unavailable_within_the_time_out(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(MailUnavailable):
            open_mailer(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", sender=SENDER).send(MESSAGE)
    assert time.monotonic() - started < 2


def test_server_that_answers_byte_by_byte_is_unavailable_within_the_time_for_a_mail(
    smtp_server: Smtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TOTAL_SECONDS", 1)
    smtp_server.faults.pause_seconds = 0.2
    started = time.monotonic()
    with pytest.raises(MailUnavailable):
        send(smtp_server)
    assert time.monotonic() - started < 3


def test_server_may_think_longer_about_a_mail_than_about_a_command(
    smtp_server: Smtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.3)
    smtp_server.faults.held.add("DATA")
    Timer(1, smtp_server.faults.held.clear).start()
    send(smtp_server)
    assert len(smtp_server.taken) == 1


def test_nobody_waits_for_the_farewell(smtp_server: Smtp) -> None:
    smtp_server.faults.held.add("QUIT")
    started = time.monotonic()
    send(smtp_server)
    assert time.monotonic() - started < 2


def test_log_in_that_makes_no_sense_is_unavailable_since_it_can_be_mended(tls: ssl.SSLContext) -> None:
    with pytest.raises(MailUnavailable):
        send_with_password("p%40ss%3Aw%2Frd", tls, lambda *_: AuthResult(success=False, handled=False, message="334 a"))


def test_password_travels_decoded_and_only_under_tls(tls: ssl.SSLContext) -> None:
    assert len(send_with_password("p%40ss%3Aw%2Frd", tls)) == 1


def test_wrong_password_is_unavailable_since_it_can_be_mended(tls: ssl.SSLContext) -> None:
    with pytest.raises(MailUnavailable, match="535"):
        send_with_password("wrong", tls)


def test_unknown_certificate_is_unavailable(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        send_with_password("p%40ss%3Aw%2Frd", tls)


def test_starttls_is_never_skipped(smtp_server: Smtp) -> None:
    with pytest.raises(MailUnavailable, match="STARTTLS"):
        open_mailer(f"smtp://127.0.0.1:{smtp_server.port}", sender=SENDER).send(MESSAGE)
    assert smtp_server.taken == []


def test_address_beyond_ascii_reaches_a_server_that_takes_it(smtp_server: Smtp) -> None:
    send(smtp_server, replace(MESSAGE, to="jürgen@bücher.example"))
    assert smtp_server.envelopes[0].rcpt_tos == ["jürgen@bücher.example"]
    assert "To: jürgen@bücher.example\r\n".encode() in smtp_server.taken[0]


def test_address_beyond_ascii_is_refused_where_no_server_takes_it() -> None:
    with services.smtp(enable_SMTPUTF8=False) as server, pytest.raises(MailRejected):
        send(server, replace(MESSAGE, to="jürgen@bücher.example"))
