"""Signed tokens and MACs, which are never stored: HMAC-SHA256 with a key derived from SECRET_KEY and a purpose."""

from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from itsdangerous import BadSignature, Signer, base64_decode, base64_encode

from project.config import current_settings


def issue(purpose: str, subject: UUID, version: int) -> str:
    """Return the token `id.version.MAC`. Until the first key changes, equal arguments give the same token."""
    return _signer(purpose).sign(f"{subject.hex}.{version}").decode()


def verify(purpose: str, token: str) -> tuple[UUID, int] | None:
    """Return the subject and version of a token issued for `purpose`, or None if the token is not exactly as issued."""
    try:
        signed = _signer(purpose).unsign(token).decode()
    except (BadSignature, UnicodeEncodeError):
        return None
    # itsdangerous 2.2.0 ignores padding and characters outside the base64 alphabet, so it accepts other encodings of
    # the MAC.
    mac = token.removeprefix(f"{signed}.").encode()
    if mac != base64_encode(base64_decode(mac)):
        return None
    subject, version = signed.split(".")
    return UUID(hex=subject), int(version)


def mac(purpose: str, message: bytes) -> bytes:
    """Return the 32-byte MAC of `message` with the first key."""
    return macs(purpose, message)[0]


def macs(purpose: str, message: bytes) -> list[bytes]:
    """Return the MAC of `message` with each key, in the order of the keys."""
    algorithm, keys = _signer(purpose).algorithm, _derived_keys(purpose, current_settings().secret_key)
    return [algorithm.get_signature(key, message) for key in keys]


def verify_mac(purpose: str, message: bytes, presented: bytes) -> bool:
    """Return whether `presented` is the MAC of `message` with one of the keys."""
    return _signer(purpose).verify_signature(message, base64_encode(presented))


def _signer(purpose: str) -> Signer:
    return _make_signer(purpose, current_settings().secret_key)


@lru_cache
def _make_signer(purpose: str, keys: tuple[str, ...]) -> Signer:
    # itsdangerous expects the oldest key first.
    return Signer(keys[::-1], salt=purpose, key_derivation="hmac", digest_method=sha256)


@lru_cache
def _derived_keys(purpose: str, keys: tuple[str, ...]) -> list[bytes]:
    return [_make_signer(purpose, keys).derive_key(key) for key in keys]
