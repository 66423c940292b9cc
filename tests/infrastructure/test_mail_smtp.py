"""Mail to real SMTP servers in every mood."""

import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from project.infrastructure.mail import MailRefused, MailUnavailable, Message, open_mailer, smtp

SENDER = "Groundwork <no-reply@example.com>"
MESSAGE = Message(
    message_id="<invitation.7.1@example.com>",
    to="ada@example.org",
    subject="Grüße an Ada",
    text="Willkommen, schöne Welt: https://example.com/invitation#token=" + "a" * 120,
    date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    html="<p>Willkommen</p>",
)


class Inbox:
    """Keeps what the server was given, and answers as it was told."""

    def __init__(self, rcpt="250 OK", data="250 OK"):
        self.envelopes, self.rcpt, self.data = [], rcpt, data

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        return self.data


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def serving(inbox, **options):
    """The host and port of a real SMTP server in front of `inbox`."""
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def send_to(inbox, message=MESSAGE, **options):
    with serving(inbox, **options) as address:
        open_mailer(f"smtp://{address}?tls=none", sender=SENDER).send(message)


@pytest.fixture
def tls_context(tmp_path, monkeypatch):
    """A server's TLS context for 127.0.0.1, whose certificate this process trusts."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=test")
    now, address = datetime.now(UTC), x509.IPAddress(ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def only_ada(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"ada", b"p@ss:w/rd"), handled=False)


def send_with_password(inbox, password, context):
    options = {"tls_context": context, "authenticator": only_ada, "auth_required": True}
    with serving(inbox, **options) as address:
        open_mailer(f"smtp://ada:{password}@{address}", sender=SENDER).send(MESSAGE)


def test_server_and_folder_are_given_the_same_bytes_each_time(tmp_path):
    inbox = Inbox()
    send_to(inbox)
    send_to(inbox)
    open_mailer(tmp_path.as_uri(), sender=SENDER).send(MESSAGE)
    [file] = tmp_path.iterdir()
    assert [envelope.original_content for envelope in inbox.envelopes] == [file.read_bytes()] * 2


def test_message_arrives_as_it_was_meant():
    inbox = Inbox()
    send_to(inbox)
    [envelope] = inbox.envelopes
    mail = message_from_bytes(envelope.original_content, policy=default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@example.com", [MESSAGE.to])
    assert (mail["Message-ID"], mail["Subject"]) == (MESSAGE.message_id, MESSAGE.subject)
    assert mail.get_body(("plain",)).get_content().strip() == MESSAGE.text


def test_mail_needs_no_server_that_takes_eight_bits():
    inbox = Inbox()
    send_to(inbox, replace(MESSAGE, text="schöne Welt"))
    assert inbox.envelopes[0].original_content.isascii()


@pytest.mark.parametrize("answers", [{"rcpt": "451 later"}, {"data": "451 later"}, {"data": "421 bye"}])
def test_passing_refusal_is_unavailable(answers):
    with pytest.raises(MailUnavailable, match=r"4[25]1"):
        send_to(Inbox(**answers))


@pytest.mark.parametrize("answers", [{"rcpt": "550 no such user ada@example.org"}, {"data": "554 no"}])
def test_final_refusal_is_refused_and_names_no_address(answers):
    with pytest.raises(MailRefused, match=r"^the mail server answered 55[04]$"):
        send_to(Inbox(**answers))


def test_closed_port_is_unavailable():
    with pytest.raises(MailUnavailable):
        open_mailer(f"smtp://127.0.0.1:{free_port()}?tls=none", sender=SENDER).send(MESSAGE)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_silent_server_is_unavailable_within_the_time_out(monkeypatch, scheme):
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(MailUnavailable):
            open_mailer(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", sender=SENDER).send(MESSAGE)
    assert time.monotonic() - started < 2


def test_password_travels_decoded_and_only_under_tls(tls_context):
    inbox = Inbox()
    send_with_password(inbox, "p%40ss%3Aw%2Frd", tls_context)
    assert len(inbox.envelopes) == 1


def test_wrong_password_is_unavailable_since_it_can_be_mended(tls_context):
    with pytest.raises(MailUnavailable, match="535"):
        send_with_password(Inbox(), "wrong", tls_context)


def test_unknown_certificate_is_unavailable(tls_context, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        send_with_password(Inbox(), "p%40ss%3Aw%2Frd", tls_context)


def test_starttls_is_never_skipped():
    inbox = Inbox()
    with serving(inbox) as address, pytest.raises(MailUnavailable, match="STARTTLS"):
        open_mailer(f"smtp://{address}", sender=SENDER).send(MESSAGE)
    assert inbox.envelopes == []


def test_address_beyond_ascii_reaches_a_server_that_takes_it():
    inbox = Inbox()
    send_to(inbox, replace(MESSAGE, to="jürgen@bücher.example"), enable_SMTPUTF8=True)
    [envelope] = inbox.envelopes
    assert envelope.rcpt_tos == ["jürgen@bücher.example"]
    assert "To: jürgen@bücher.example\r\n".encode() in envelope.original_content


def test_address_beyond_ascii_is_refused_where_no_server_takes_it():
    with pytest.raises(MailRefused):
        send_to(Inbox(), replace(MESSAGE, to="jürgen@bücher.example"), enable_SMTPUTF8=False)
