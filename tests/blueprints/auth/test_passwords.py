"""Passwords: checking strength takes bounded time and recognizes common passwords; hashing is bounded."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from project.blueprints.auth import passwords
from project.blueprints.auth.passwords import MIN_LENGTH, weakness

# Without a limit on its input, the check would take at least two seconds and block all other requests.
_MAX_SECONDS = 0.7


def test_password_with_many_substitutions_is_checked_quickly() -> None:
    started = time.process_time()
    weakness("4@8({[<369&#!1|/0$5+7%2" + "a" * 49, known=[])
    assert time.process_time() - started < _MAX_SECONDS


def test_common_word_with_character_substitutions_is_weak() -> None:
    assert weakness("p@$$w0rd1234", known=[]) is not None


def test_every_password_in_the_list_of_breached_passwords_is_weak() -> None:
    breached: list[str] = FREQUENCY_LISTS["passwords"]
    long = [password for password in breached if len(password) >= MIN_LENGTH]
    assert (len(breached), len(long)) == (30_000, 229)
    assert [password for password in long if weakness(password, known=[]) is None] == []


@pytest.mark.usefixtures("in_shared_app")
@pytest.mark.parametrize("password_hash", [None, ""])
def test_no_password_matches_an_account_without_a_hash(password_hash: str | None) -> None:
    assert not passwords.matches(password_hash, "dummy password")


def test_passwords_are_checked_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    checker = _ExclusiveHasher()
    monkeypatch.setattr(passwords, "zxcvbn", lambda password, **_: {"score": len(checker.hash(password))})
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda password: weakness(password, known=[]), ["twelve chars"] * 8)) == [None] * 8


def test_process_hashes_one_password_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = _ExclusiveHasher()
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(passwords.hash_password, "abcd")) == list("abcd")
        assert all(threads.map(passwords.matches, "abcd", "abcd"))


class _ExclusiveHasher:
    """Fails if it is used by two threads at a time."""

    def __init__(self) -> None:
        self._lock = Lock()

    def hash(self, password: str) -> str:
        assert self._lock.acquire(blocking=False)
        time.sleep(0.005)
        self._lock.release()
        return password

    def verify(self, password_hash: str, password: str) -> bool:
        return self.hash(password) == password_hash
