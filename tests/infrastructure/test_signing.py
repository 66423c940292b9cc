"""What is signed: the same each time, good for one purpose, and for as long as its key is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from project.app import create_app
from project.config import Settings
from project.infrastructure import signing

SUBJECT = UUID("01961f3c-7a1e-7c3a-9b1d-0a0b0c0d0e0f")
OLD, NEW = "an old key of at least 32 bytes, kept", "a new key of at least 32 bytes, added"


@contextmanager
def keys(folder: Path, *secrets: str) -> Iterator[None]:
    """A process that runs with these keys."""
    app = create_app(Settings(app_env="development", data_dir=folder, secret_key=secrets))
    with app.app_context():
        yield


@pytest.fixture(autouse=True)
def in_app(tmp_path: Path) -> Iterator[None]:
    with keys(tmp_path, OLD):
        yield


def minted(purpose: str = "invitation", subject: UUID = SUBJECT, version: int = 3) -> str:
    return signing.issue(purpose, subject, version)


def test_a_token_says_whose_it_is_and_which_version() -> None:
    assert signing.verify("invitation", minted()) == (SUBJECT, 3)


def test_a_token_is_the_same_each_time() -> None:
    assert minted() == minted()


def test_a_token_is_good_for_its_purpose_only() -> None:
    assert signing.verify("refresh-token", minted()) is None
    assert minted("refresh-token") != minted()


@pytest.mark.parametrize("position", range(0, 78, 3))
def test_a_token_altered_anywhere_is_none(position: int) -> None:
    token = minted()
    letter = "0" if token[position] != "0" else "1"
    assert signing.verify("invitation", token[:position] + letter + token[position + 1 :]) is None


def respelled() -> list[str]:
    """The same token in other spellings, and things that are no token at all."""
    subject, version, mac = minted().split(".")
    same = [f"{subject.upper()}.{version}.{mac}", f"{SUBJECT}.{version}.{mac}", f"{{{subject}}}.{version}.{mac}"]
    same += [f"{subject}.{spelling}.{mac}" for spelling in ("03", "+3", " 3", "3_", "٣", "3.0")]
    same += [f"{subject}.{version}.{mac}=", f" {minted()}", f"{minted()}\n", f"{minted()}."]
    return [*same, "", ".", "..", "...", "a.b.c", f"{subject}.{'9' * 5000}.{mac}", f"{subject}.{version}.\ud800", "\0"]


def test_a_token_has_one_spelling() -> None:
    assert [token for token in [*respelled(), minted()] if signing.verify("invitation", token)] == [minted()]


def test_while_keys_change_tokens_of_both_are_good(tmp_path: Path) -> None:
    old = minted()
    with keys(tmp_path, NEW, OLD):
        new = minted()
        assert signing.verify("invitation", old) == signing.verify("invitation", new) == (SUBJECT, 3)
    with keys(tmp_path, NEW):
        assert minted() == new
        assert signing.verify("invitation", old) is None


def test_a_mac_is_good_for_its_message_purpose_and_keys(tmp_path: Path) -> None:
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
