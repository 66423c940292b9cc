"""Issues and verifies access tokens (RFC 9068)."""

import time
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token

from project.config import current_settings
from project.errors import Unauthenticated
from project.http.auth import signing_keys
from project.http.auth.signing_keys import SigningKeys

LEEWAY_SECONDS = 30
_TEXTS = ("jti", "sub", "client_id", "sid", "aud", "iss")
_NUMBERS = ("exp", "iat", "nbf")
# RFC 9068 requires the id of an OAuth client. All clients are the product's own, and are not registered.
_CLIENT_ID = "first-party"


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
    def generation(self) -> int: ...
    @property
    def refresh_token(self) -> str: ...
    @property
    def expires_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a verified token."""

    session_id: UUID
    generation: int
    subject: str
    valid_from: float
    expires_at: float


# flask-jwt-extended (4.7.4 in requirements.txt) is used only to create tokens: it would accept tokens without `exp`,
# and ignore the `typ` header. Its manager also registers error handlers for PyJWT's exceptions on the application. They
# would turn any such exception into a 401 response, even one about another service's token. It adds the claims `fresh`,
# `type` and `csrf`, which RFC 9068 does not define. No option disables this, so override the internal methods.
class _TokenIssuer(JWTManager):
    def _set_error_handler_callbacks(self, app: Flask) -> None:
        """Register no error handlers."""

    def _encode_jwt_from_config(self, identity: Any, token_type: str, claims: Any = None, *_: Any, **__: Any) -> str:
        """Return an access token with the claims of RFC 9068 and those in `claims`."""
        settings, keys, at = current_settings(), signing_keys.current(), int(time.time())
        payload = {
            "iss": settings.public_url,
            "aud": settings.public_url,
            "sub": identity,
            "client_id": _CLIENT_ID,
            "iat": at,
            "nbf": at,
            "exp": at + settings.access_token_ttl_seconds,
            "jti": str(uuid4()),
            **claims,
        }
        headers = {"kid": keys.signing_kid, "typ": "at+jwt"}
        return jwt.encode(payload, keys.private[keys.signing_kid], algorithm="EdDSA", headers=headers)


def init_app(app: Flask) -> None:
    """Make `app` issue access tokens."""
    _TokenIssuer(app)


def token_pair(grant: Grant) -> dict[str, Any]:
    """Return the response to a login or refresh: an access token and a refresh token."""
    claims = {"sid": str(grant.session_id), "gen": grant.generation}
    return {
        "access_token": create_access_token(str(grant.user_id), additional_claims=claims),
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
        options={"require": [*_TEXTS, *_NUMBERS, "gen"], "strict_aud": True},
    )
    _ensure_well_formed(claims, max_lifetime_seconds)
    return AccessToken(
        session_id=UUID(claims["sid"]),
        generation=claims["gen"],
        subject=claims["sub"],
        valid_from=max(claims["iat"], claims["nbf"]),
        expires_at=claims["exp"],
    )


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
    if not texts or not numbers or type(claims["gen"]) is not int or claims["client_id"] != _CLIENT_ID:
        raise TokenInvalid
    if claims["exp"] - claims["iat"] > max_lifetime_seconds:
        raise TokenInvalid


def _seconds_until(moment: datetime) -> int:
    return max(0, int((moment - datetime.now(moment.tzinfo)).total_seconds()))
