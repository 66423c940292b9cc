"""The mailbox folder, and the validation of messages and mail URLs."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from project.infrastructure.mail import MailUnavailable, Message, open_mailer, read_mailbox

SENDER = "Groundwork <no-reply@example.com>"
MESSAGE = Message(
    message_id="<invitation.7.1@example.com>",
    to="ada@example.org",
    subject="Grüße an Ada",
    text="Willkommen, schöne Welt: https://example.com/invitation#token=" + "a" * 120,
    date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    html="<p>Willkommen</p>",
)


def test_message_sent_twice_leaves_one_unchanged_file(tmp_path):
    open_mailer(tmp_path.as_uri(), sender=SENDER).send(MESSAGE)
    [file] = tmp_path.iterdir()
    before = file.read_bytes()
    open_mailer(tmp_path.as_uri(), sender=SENDER).send(replace(MESSAGE))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_message_file_is_never_incomplete_while_message_is_sent_again(tmp_path):
    mailer = open_mailer(tmp_path.as_uri(), sender=SENDER)
    long_message = replace(MESSAGE, text="word " * 200_000)
    sizes = set()
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(lambda: [mailer.send(long_message) for _ in range(10)])
        while not sending.done():
            sizes |= {path.stat().st_size for path in tmp_path.glob("*.eml")}
    [final_size] = {path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes == {final_size}


def test_failed_write_raises_mail_unavailable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MailUnavailable):
        open_mailer((tmp_path / "file" / "mail").as_uri(), sender=SENDER).send(MESSAGE)


def test_failed_rename_leaves_no_temporary_file(tmp_path):
    mailer = open_mailer(tmp_path.as_uri(), sender=SENDER)
    mailer.send(MESSAGE)
    [file] = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(MailUnavailable):
        mailer.send(MESSAGE)
    assert list(tmp_path.iterdir()) == [file]


def test_message_id_cannot_place_file_outside_mailbox_folder(tmp_path):
    folder = tmp_path / "mail"
    for message_id in ("<../../evil@x>", "<..%2f@x>", "<" + "a" * 400 + "@x>"):
        open_mailer(folder.as_uri(), sender=SENDER).send(replace(MESSAGE, message_id=message_id))
    assert len(list(folder.glob("*.eml"))) == 3
    assert list(tmp_path.iterdir()) == [folder]


def test_reading_mailbox_returns_newest_messages_first_up_to_limit(tmp_path):
    mailer = open_mailer(tmp_path.as_uri(), sender=SENDER)
    for number in range(3):
        mailer.send(replace(MESSAGE, message_id=f"<{number}@example.com>"))
        time.sleep(0.01)
    newest, older = read_mailbox(tmp_path, limit=2)
    assert [newest.message_id, older.message_id] == ["<2@example.com>", "<1@example.com>"]
    assert (newest.to, newest.sender, newest.subject) == (MESSAGE.to, SENDER, MESSAGE.subject)
    assert newest.date == MESSAGE.date
    assert (newest.text.strip(), (newest.html or "").strip()) == (MESSAGE.text, MESSAGE.html)


def test_missing_mailbox_folder_is_treated_as_empty(tmp_path):
    assert read_mailbox(tmp_path / "mail", limit=5) == []


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Hello\r\nBcc: eve@example.net"},
        {"subject": "Hello\nBcc: eve@example.net"},
        {"subject": "Hello \ud800"},
        {"to": "ada@example.org\r\nBcc: eve@example.net"},
        {"to": "ada@example.org, eve@example.net"},
        {"to": "Ada <ada@example.org>"},
        {"to": "ada"},
        {"message_id": "<a@b>\r\nBcc: eve@example.net"},
    ],
)
def test_message_with_invalid_header_is_rejected(tmp_path, change):
    with pytest.raises(ValueError, match=r"form|single line"):
        open_mailer(tmp_path.as_uri(), sender=SENDER).send(replace(MESSAGE, **change))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "imap://host",
        "file://relative/folder",
        "smtp://",
        "smtp://host:99999",
        "smtp://ada:s3cret/x@host",
        "smtp://ada:s3cret#x@host:25",
        "smtp://host:25#x",
        "smtp://ada@host",
        "smtp://ada:s3cr\u00e9t@host",
        "smtp://host?tls=maybe",
        "smtp://[host",
        "smtps://host?tls=none",
    ],
)
def test_error_for_invalid_url_is_one_line_and_does_not_contain_password(url):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as raised:
        open_mailer(url, sender=SENDER)
    assert "s3cr" not in str(raised.value)


def test_long_link_is_not_wrapped_in_message_source(tmp_path):
    link = "https://example.com/invitation#token=" + "a" * 200
    open_mailer(tmp_path.as_uri(), sender=SENDER).send(replace(MESSAGE, text=f"Join here:\n{link}\n", html=None))
    [file] = tmp_path.iterdir()
    assert link in file.read_text().splitlines()


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?x?=",
        "Ada =?utf-8?q?a=0D=0ABcc:x?= invited you",
        "=?utf-8?b?YQ0KDQo8aW1n?= invites you",
        "=? Grüße ?=",
        " two  spaces  ",
        "",
        "x" * 2000,
        "ü" * 2000,
        "a" * 70 + " " + "b" * 70 + " ",
    ],
)
def test_subject_arrives_unchanged_on_short_lines(tmp_path, subject):
    open_mailer(tmp_path.as_uri(), sender=SENDER).send(replace(MESSAGE, subject=subject))
    [file] = tmp_path.iterdir()
    head = file.read_bytes().partition(b"\r\n\r\n")[0]
    assert read_mailbox(tmp_path, limit=1)[0].subject == subject
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert b"Bcc" not in head


def test_address_that_contains_encoded_word_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="address"):
        open_mailer(tmp_path.as_uri(), sender=SENDER).send(replace(MESSAGE, to="=?utf-8?q?a=40b?=@example.com"))
