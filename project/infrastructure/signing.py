"""Signed tokens and MACs, which are never stored: HMAC-SHA256 with a key derived from SECRET_KEY and a purpose."""

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
    signer = _signer(purpose)
    return [signer.algorithm.get_signature(signer.derive_key(key), message) for key in current_settings().secret_key]


def verify_mac(purpose: str, message: bytes, presented: bytes) -> bool:
    """Return whether `presented` is the MAC of `message` with one of the keys."""
    return _signer(purpose).verify_signature(message, base64_encode(presented))


def _signer(purpose: str) -> Signer:
    # itsdangerous expects the oldest key first.
    keys = current_settings().secret_key[::-1]
    return Signer(keys, salt=purpose, key_derivation="hmac", digest_method=sha256)
