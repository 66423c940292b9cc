"""What is handed out signed and never stored: the MAC is HMAC-SHA256, keyed by purpose and SECRET_KEY."""

import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

from project.config import current_settings


def issue(purpose: str, subject: UUID, version: int) -> str:
    """The token `id.version.MAC`: the same one each time, as long as the first key stays."""
    return _token(current_settings().secret_key[0], purpose, subject, version)


def verify(purpose: str, token: str) -> tuple[UUID, int] | None:
    """Subject and version of a token minted here for `purpose`, spelled exactly so; None for any other."""
    try:
        subject, version, _mac = token.split(".")
        claimed, presented = (UUID(hex=subject), int(version)), token.encode()
    except ValueError:
        return None
    minted = [_token(secret, purpose, *claimed) for secret in current_settings().secret_key]
    return claimed if _is_one_of(presented, [one.encode() for one in minted]) else None


def mac(purpose: str, message: bytes) -> bytes:
    """The MAC of `message`, 32 bytes."""
    return _mac(current_settings().secret_key[0], purpose, message)


def macs(purpose: str, message: bytes) -> list[bytes]:
    """The MACs of `message` by each of our keys, that of the first one first."""
    return [_mac(secret, purpose, message) for secret in current_settings().secret_key]


def verify_mac(purpose: str, message: bytes, presented: bytes) -> bool:
    """Whether one of our keys makes `presented` of `message`."""
    return _is_one_of(presented, macs(purpose, message))


def _token(secret: str, purpose: str, subject: UUID, version: int) -> str:
    signed = f"{subject.hex}.{version}"
    return f"{signed}.{urlsafe_b64encode(_mac(secret, purpose, signed.encode())).decode().rstrip('=')}"


def _mac(secret: str, purpose: str, message: bytes) -> bytes:
    key = hmac.digest(secret.encode(), purpose.encode(), "sha256")
    return hmac.digest(key, message, "sha256")


def _is_one_of(presented: bytes, made: list[bytes]) -> bool:
    # No short cut: the time taken must not say which of the keys it was.
    return sum(hmac.compare_digest(presented, one) for one in made) > 0
