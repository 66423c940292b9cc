"""Signed tokens and MACs, which are never stored: HMAC-SHA256 with a key derived from SECRET_KEY and a purpose."""

import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

from project.config import current_settings


def issue(purpose: str, subject: UUID, version: int) -> str:
    """Return the token `id.version.MAC`. Until the first key changes, equal arguments give the same token."""
    return _token(current_settings().secret_key[0], purpose, subject, version)


def verify(purpose: str, token: str) -> tuple[UUID, int] | None:
    """Return the subject and version of a token issued for `purpose`, or None if the token is not exactly as issued."""
    try:
        subject, version, _mac = token.split(".")
        claim, presented = (UUID(hex=subject), int(version)), token.encode()
    except ValueError:
        return None
    issued = [_token(secret, purpose, *claim).encode() for secret in current_settings().secret_key]
    return claim if _is_one_of(presented, issued) else None


def mac(purpose: str, message: bytes) -> bytes:
    """Return the 32-byte MAC of `message` with the first key."""
    return _mac(current_settings().secret_key[0], purpose, message)


def macs(purpose: str, message: bytes) -> list[bytes]:
    """Return the MAC of `message` with each key, in the order of the keys."""
    return [_mac(secret, purpose, message) for secret in current_settings().secret_key]


def verify_mac(purpose: str, message: bytes, presented: bytes) -> bool:
    """Return whether `presented` is the MAC of `message` with one of the keys."""
    return _is_one_of(presented, macs(purpose, message))


def _token(secret: str, purpose: str, subject: UUID, version: int) -> str:
    signed = f"{subject.hex}.{version}"
    return f"{signed}.{urlsafe_b64encode(_mac(secret, purpose, signed.encode())).decode().rstrip('=')}"


def _mac(secret: str, purpose: str, message: bytes) -> bytes:
    key = hmac.digest(secret.encode(), purpose.encode(), "sha256")
    return hmac.digest(key, message, "sha256")


def _is_one_of(presented: bytes, expected: list[bytes]) -> bool:
    # No early exit: the timing must not reveal which key matched.
    return sum(hmac.compare_digest(presented, value) for value in expected) > 0
