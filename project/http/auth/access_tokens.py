"""Issues and verifies access tokens (RFC 9068)."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token

from project.config import Settings, current_settings
from project.errors import Unauthenticated
from project.http.auth import signing_keys
from project.http.auth.signing_keys import SigningKeys

LEEWAY_SECONDS = 30
_REQUIRED = ["exp", "iat", "nbf", "jti", "sub", "sid", "aud", "iss", "type"]
_TEXTS = ("jti", "sub", "sid", "aud", "iss")
_NUMBERS = ("exp", "iat", "nbf")


class TokenInvalid(Unauthenticated):
    """The access token is malformed, has an invalid signature, or was not issued by this service."""

    code = "token-invalid"
    title = "Access token invalid"
    remedy = "Send the access token exactly as it was issued, or log in again."
    challenge = 'Bearer error="invalid_token"'


class TokenExpired(Unauthenticated):
    """The access token has expired."""

    code = "token-expired"
    title = "Access token expired"
    remedy = "Use the refresh token to get a new access token."
    challenge = 'Bearer error="invalid_token"'


class Grant(Protocol):
    """A session that was just opened or refreshed."""

    @property
    def user_id(self) -> UUID: ...
    @property
    def session_id(self) -> UUID: ...
    @property
    def refresh_token(self) -> str: ...
    @property
    def expires_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a verified token."""

    session_id: UUID
    subject: str
    valid_from: float
    expires_at: float


# flask-jwt-extended (4.7.4 in requirements.txt) is used only to create tokens: it would accept tokens without `exp` or
# `type`, and ignore the `typ` header. Its manager also registers error handlers for PyJWT's exceptions on the
# application. They would turn any such exception into a 401 response, even one about another service's token. No option
# disables this, so override the internal method.
class _TokenIssuer(JWTManager):
    def _set_error_handler_callbacks(self, app: Flask) -> None:
        """Register no error handlers."""


def init_app(app: Flask, settings: Settings) -> None:
    """Configure the issuer, audience, lifetime and signing key of access tokens."""
    app.config.update(
        JWT_ALGORITHM="EdDSA",
        JWT_ENCODE_ISSUER=settings.public_url,
        JWT_ENCODE_AUDIENCE=settings.public_url,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings.access_token_ttl_seconds),
    )
    manager = _TokenIssuer(app)
    manager.encode_key_loader(lambda _identity: signing_keys.current().private[signing_keys.current().signing_kid])
    manager.additional_headers_loader(lambda _identity: {"kid": signing_keys.current().signing_kid, "typ": "at+jwt"})


def token_pair(grant: Grant) -> dict[str, Any]:
    """Return the response to a login or refresh: an access token and a refresh token."""
    return {
        "access_token": create_access_token(str(grant.user_id), additional_claims={"sid": str(grant.session_id)}),
        "token_type": "Bearer",
        "expires_in": current_settings().access_token_ttl_seconds,
        "refresh_token": grant.refresh_token,
        "refresh_expires_in": _seconds_until(grant.expires_at),
        "session_id": grant.session_id,
    }


def verify(text: str) -> AccessToken:
    """Return an access token. Raises TokenExpired or TokenInvalid."""
    settings = current_settings()
    try:
        token = _decode(text, signing_keys.current(), settings.public_url, settings.access_token_ttl_seconds)
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TokenInvalid from error
    at = time.time()
    if int(token.expires_at) <= at - LEEWAY_SECONDS:
        raise TokenExpired
    if int(token.valid_from) > at + LEEWAY_SECONDS:  # the clock was set back
        raise TokenInvalid
    return token


@lru_cache(maxsize=2048)
def _decode(text: str, keys: SigningKeys, issuer: str, max_lifetime_seconds: int) -> AccessToken:
    """Return a token whose signature and claims are valid. Raises TokenInvalid, or the exceptions of PyJWT.

    Cached, because a client sends each token many times, and verifying it takes as long as a short query. Errors are
    not cached. A cached token may have expired since, so the caller checks the times again.
    """
    if "=" in text:  # PyJWT ignores padding
        raise TokenInvalid
    claims = jwt.decode(
        text,
        _public_key(text.partition(".")[0], keys),
        algorithms=["EdDSA"],
        audience=issuer,
        issuer=issuer,
        leeway=LEEWAY_SECONDS,
        options={"require": _REQUIRED, "strict_aud": True},
    )
    _ensure_well_formed(claims, max_lifetime_seconds)
    return AccessToken(UUID(claims["sid"]), claims["sub"], max(claims["iat"], claims["nbf"]), claims["exp"])


def _public_key(header: str, keys: SigningKeys) -> Ed25519PublicKey:
    """Return the key named in an encoded `header`. Raises TokenInvalid if it is not the header of an access token."""
    fields = jwt.get_unverified_header(f"{header}.e30.")
    key = keys.public.get(fields.get("kid") or "")
    if key is None or fields.get("typ") != "at+jwt" or "crit" in fields:
        raise TokenInvalid
    return key


def _ensure_well_formed(claims: dict[str, Any], max_lifetime_seconds: int) -> None:
    """Raise TokenInvalid unless the claims have the right types and the token's lifetime is within the limit.

    PyJWT (2.15.1 in requirements.txt) accepts numeric strings in `exp`, and does not limit the lifetime.
    """
    texts = all(isinstance(claims[name], str) for name in _TEXTS)
    numbers = all(type(claims[name]) in (int, float) for name in _NUMBERS)
    if not texts or not numbers or claims["type"] != "access":
        raise TokenInvalid
    if claims["exp"] - claims["iat"] > max_lifetime_seconds:
        raise TokenInvalid


def _seconds_until(moment: datetime) -> int:
    return max(0, int((moment - datetime.now(moment.tzinfo)).total_seconds()))
