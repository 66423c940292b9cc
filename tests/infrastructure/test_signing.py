"""Tokens and MACs are deterministic. They are valid for only one purpose, and only while their key is configured."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_letters
from uuid import UUID

import pytest

from project.app import create_app
from project.config import Settings
from project.infrastructure import signing

SUBJECT = UUID("01961f3c-7a1e-7c3a-9b1d-0a0b0c0d0e0f")
OLD, NEW = "old secret key with at least 32 bytes", "new secret key with at least 32 bytes"


@contextmanager
def keys(folder: Path, *secrets: str) -> Iterator[None]:
    """Run the block in an application with the given secret keys."""
    app = create_app(Settings(app_env="development", data_dir=folder, secret_key=secrets))
    with app.app_context():
        yield


@pytest.fixture(autouse=True)
def in_app(tmp_path: Path) -> Iterator[None]:
    with keys(tmp_path, OLD):
        yield


def issue_token(purpose: str = "invitation", subject: UUID = SUBJECT, version: int = 3) -> str:
    return signing.issue(purpose, subject, version)


def test_token_contains_subject_and_version() -> None:
    assert signing.verify("invitation", issue_token()) == (SUBJECT, 3)


def test_token_is_deterministic() -> None:
    assert issue_token() == issue_token()


def test_token_is_valid_only_for_its_purpose() -> None:
    assert signing.verify("refresh-token", issue_token()) is None
    assert issue_token("refresh-token") != issue_token()


@pytest.mark.parametrize("position", range(0, 78, 3))
def test_altered_token_is_invalid(position: int) -> None:
    token = issue_token()
    letter = "0" if token[position] != "0" else "1"
    assert signing.verify("invitation", token[:position] + letter + token[position + 1 :]) is None


def invalid_tokens() -> list[str]:
    """Return alternative spellings of a valid token, and malformed tokens."""
    subject, version, mac = issue_token().split(".")
    respelled = [f"{subject.upper()}.{version}.{mac}", f"{SUBJECT}.{version}.{mac}", f"{{{subject}}}.{version}.{mac}"]
    respelled += [f"{subject}.{spelling}.{mac}" for spelling in ("03", "+3", " 3", "3_", "٣", "3.0")]
    respelled += [f"{subject}.{version}.{mac}=", f" {issue_token()}", f"{issue_token()}\n", f"{issue_token()}."]
    # The last character of a MAC encodes only four bits, so four characters decode to the same MAC.
    respelled += [f"{subject}.{version}.{mac[:-1]}{letter}" for letter in ascii_letters if letter != mac[-1]]
    respelled += [f"{subject}.{version}.{mac[:9]}{ignored}{mac[9:]}" for ignored in "*=\né"]
    return [
        *respelled,
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        f"{subject}.{'9' * 5000}.{mac}",
        f"{subject}.{version}.\ud800",
        "\0",
    ]


def test_only_exact_spelling_of_token_is_valid() -> None:
    assert [token for token in [*invalid_tokens(), issue_token()] if signing.verify("invitation", token)] == [
        issue_token()
    ]


def test_tokens_signed_with_old_or_new_key_are_valid_during_key_rotation(tmp_path: Path) -> None:
    old = issue_token()
    with keys(tmp_path, NEW, OLD):
        new = issue_token()
        assert signing.verify("invitation", old) == signing.verify("invitation", new) == (SUBJECT, 3)
    with keys(tmp_path, NEW):
        assert issue_token() == new
        assert signing.verify("invitation", old) is None


def test_mac_is_valid_only_for_its_message_purpose_and_key(tmp_path: Path) -> None:
    mac = signing.mac("cursor", b"message")
    assert len(mac) == 32
    assert signing.verify_mac("cursor", b"message", mac)
    assert not signing.verify_mac("cursor", b"massage", mac)
    assert not signing.verify_mac("link", b"message", mac)
    assert not signing.verify_mac("cursor", b"message", mac[:31])
    with keys(tmp_path, NEW, OLD):
        assert signing.verify_mac("cursor", b"message", mac)
    with keys(tmp_path, NEW):
        assert not signing.verify_mac("cursor", b"message", mac)
