"""Password strength (NIST SP 800-63B), hashing and verification (OWASP Password Storage Cheat Sheet)."""

import unicodedata
from functools import lru_cache
from itertools import chain
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

from project.config import current_settings

MIN_LENGTH, MAX_LENGTH = 12, 128
_CHECKED_CHARACTERS = 72
_MIN_SCORE = 3
_SUBSTITUTES = frozenset(chain.from_iterable(L33T_TABLE.values()))
_MAX_SUBSTITUTES = 8
# Each process hashes one password at a time. A flood of logins takes 19 MiB, not 19 MiB per thread of the server, which
# the allocator would keep.
_hashing = Lock()
# zxcvbn 4.5.0 keeps `user_inputs` in a global variable, so concurrent calls would check the words of another user.
# https://github.com/dwolfhub/zxcvbn-python/blob/v4.5.0/zxcvbn/__init__.py
_checking = Lock()


def normalize(password: str) -> str:
    """Return `password` in Unicode NFC, because different keyboards may encode the same character differently."""
    return unicodedata.normalize("NFC", password)


def weakness(password: str, *, known: list[str]) -> str | None:
    """Return a sentence that explains why a new password is too weak, or `None` if it is strong enough.

    `known` lists what an attacker may know about the user, such as the email address.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"Must have {MIN_LENGTH} to {MAX_LENGTH} characters."
    with _checking:
        result = zxcvbn(_bounded_input(password), user_inputs=known)
    if result["score"] >= _MIN_SCORE:
        return None
    return result["feedback"]["warning"] or "Too easy to guess: add a few unusual words."


def _bounded_input(password: str) -> str:
    """Return the start of `password`, limited to a few distinct substitute characters, such as `4` for `a`.

    The running time of zxcvbn doubles with each distinct substitute character. The digits are all kept: without them,
    zxcvbn would not recognize common passwords such as `123456789987654321`.
    """
    seen = dict.fromkeys(char for char in password if char in _SUBSTITUTES)
    symbols = [char for char in seen if not char.isdigit()]
    digits = len(seen) - len(symbols)
    surplus = symbols[max(0, _MAX_SUBSTITUTES - digits) :]
    return password[:_CHECKED_CHARACTERS].translate(dict.fromkeys(map(ord, surplus), "~"))


def hash_password(password: str) -> str:
    """Return the Argon2id hash of `password`, encoded with its parameters."""
    with _hashing:
        return _hasher().hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Return whether `password` matches the hash.

    Without a hash, verifies against a dummy hash, so that timing does not reveal whether an account exists.
    """
    hasher = _hasher()
    encoded = password_hash or _dummy_hash(hasher)
    try:
        with _hashing:
            return hasher.verify(encoded, password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Return whether a hash was made with other parameters than those in the settings."""
    return _hasher().check_needs_rehash(password_hash)


def _hasher() -> PasswordHasher:
    settings = current_settings()
    return _make_hasher(
        settings.password_hash_time_cost, settings.password_hash_memory_kib, settings.password_hash_parallelism
    )


@lru_cache
def _make_hasher(time_cost: int, memory_kib: int, parallelism: int) -> PasswordHasher:
    return PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)


@lru_cache
def _dummy_hash(hasher: PasswordHasher) -> str:
    return hasher.hash("dummy password")
