"""Passwords: what is strong enough, and how one is kept and checked (NIST SP 800-63B, OWASP password storage)."""

import unicodedata
from functools import cache
from itertools import chain

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

MIN_LENGTH, MAX_LENGTH = 12, 128
_CHECKED_CHARACTERS = 72
_MIN_SCORE = 3
_SUBSTITUTES = frozenset(chain.from_iterable(L33T_TABLE.values()))
_MAX_SUBSTITUTES = 8
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def normalize(password: str) -> str:
    """`password` in NFC: keyboards differ in how they compose a letter."""
    return unicodedata.normalize("NFC", password)


def weakness(password: str, *, known: list[str]) -> str | None:
    """What is wrong with a new password, in a sentence; `known` is what an attacker knows of its owner."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"Must have {MIN_LENGTH} to {MAX_LENGTH} characters."
    verdict = zxcvbn(_bounded_input(password), user_inputs=known)
    if verdict["score"] >= _MIN_SCORE:
        return None
    return verdict["feedback"]["warning"] or "Too easy to guess: add a few unusual words."


def _bounded_input(password: str) -> str:
    """What zxcvbn is shown: its time doubles with each distinct character that can stand for a letter."""
    seen: dict[str, None] = dict.fromkeys(char for char in password if char in _SUBSTITUTES)
    surplus = dict.fromkeys(map(ord, list(seen)[_MAX_SUBSTITUTES:]), "~")
    return password[:_CHECKED_CHARACTERS].translate(surplus)


def hash_password(password: str) -> str:
    """An Argon2id hash with its parameters."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one; takes as long when there is no account."""
    try:
        return _hasher.verify(password_hash or _dummy_hash(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _dummy_hash() -> str:
    return _hasher.hash("the password of nobody")
