"""Authenticates and authorizes callers. Only this module verifies access tokens, and it loads the session each time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from hmac import compare_digest
from typing import Any, Protocol, cast
from urllib.parse import urlsplit
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask, g, request

from project.config import current_settings
from project.errors import NotFound, PermissionDenied, Unauthenticated
from project.http.auth import signing_keys
from project.http.auth.signing_keys import SigningKeys
from project.http.routing.access import Access
from project.http.routing.rule import ContractRule, current_rule
from project.infrastructure import logging

LEEWAY_SECONDS = 30
_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_TOKEN_LENGTH = 4096
_REQUIRED = ["exp", "iat", "nbf", "jti", "sub", "sid", "aud", "iss", "type"]
_TEXTS = ("jti", "sub", "sid", "aud", "iss")
_NUMBERS = ("exp", "iat", "nbf")


class AuthenticationRequired(Unauthenticated):
    """This route requires an access token."""

    code = "authentication-required"
    title = "Authentication required"
    remedy = "Log in, and send the access token in the `Authorization: Bearer` header."


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


class TokenRevoked(Unauthenticated):
    """The session of this access token has ended."""

    code = "token-revoked"
    title = "Session ended"
    remedy = "Log in again."
    challenge = 'Bearer error="invalid_token"'


class MetricsTokenRequired(Unauthenticated):
    """This route requires the metrics token."""

    code = "metrics-token-required"
    title = "Metrics token required"
    remedy = "Send the value of `METRICS_TOKEN` in the `Authorization: Bearer` header."


class Principal(Protocol):
    """The authenticated caller. `session_id` is `None` for a caller without a session; no such callers exist yet.

    `user` is the profile that the caller sees.
    """

    @property
    def user_id(self) -> UUID: ...
    @property
    def session_id(self) -> UUID | None: ...
    @property
    def role(self) -> str: ...
    @property
    def user(self) -> object: ...


@dataclass(frozen=True)
class AccessHooks:
    """Blueprint functions that this module calls. create_app() passes them in, since `http` must not import blueprints.

    `load_principal` returns a session's principal, or `None` if the session has ended. `ensure_member` returns a user's
    role in an organization. It raises an error if the user is not a member or lacks the required role.
    """

    load_principal: Callable[[UUID], Principal | None]
    ensure_member: Callable[..., str]


@dataclass(frozen=True, slots=True)
class _AccessToken:
    """The verified claims of a token."""

    session_id: UUID
    subject: str
    issued_at: float
    expires_at: float


def init_app(app: Flask, hooks: AccessHooks) -> None:
    """Authenticate and authorize each request of `app`.

    Must be registered before rate limits and before anything that reads the query or the body, so that unauthorized
    callers learn nothing about a route.
    """
    app.before_request(partial(_authorize, hooks))


def current_principal() -> Principal:
    """Return the caller. Only for routes that require authentication."""
    return cast(Principal, g.principal)


def current_user_id() -> UUID:
    """Return the user id of the caller. Only for routes that require authentication."""
    return current_principal().user_id


def current_organization_role() -> str:
    """Return the caller's role in the organization given in the path. Only for routes with `access=member()`."""
    return cast(str, g.organization_role)


def _authorize(hooks: AccessHooks) -> None:
    rule = current_rule()
    if rule is None or _is_automatic(rule) or rule.access.kind == "public":
        return
    if rule.access.kind == "development":
        _ensure_developer()
        return
    if rule.access.kind == "scraper":
        _ensure_scraper()
        return
    g.principal = _identify(hooks)
    logging.bind(user_id=str(g.principal.user_id), session_id=str(g.principal.session_id))
    _ensure_role(hooks, rule.access, g.principal)


def _is_automatic(rule: ContractRule) -> bool:
    """Return whether this is an OPTIONS request that Flask handles itself. It reveals only the allowed methods."""
    return request.method == "OPTIONS" and rule.provide_automatic_options


def _ensure_developer() -> None:
    """Raise NotFound unless the request comes directly from this machine.

    Requests through a proxy are rejected. So are requests for other host names, which prevents DNS rebinding.
    """
    is_direct = not any(name in request.headers for name in _PROXY_HEADERS)
    is_local = request.remote_addr in {"127.0.0.1", "::1"} and urlsplit(request.host_url).hostname in _LOCAL_NAMES
    if not (current_settings().is_development and is_direct and is_local):
        raise NotFound


def _ensure_scraper() -> None:
    """Raise MetricsTokenRequired unless the bearer token is METRICS_TOKEN. The token identifies no user."""
    authorization = request.authorization
    token = authorization.token if authorization and authorization.type == "bearer" else None
    if not compare_digest((token or "").encode(), current_settings().metrics_token.encode()):
        raise MetricsTokenRequired


def _ensure_role(hooks: AccessHooks, access: Access, principal: Principal) -> None:
    if access.kind == "admin" and principal.role != "admin":
        raise PermissionDenied
    if access.kind == "member":
        organization_id = (request.view_args or {})["organization_id"]
        g.organization_role = hooks.ensure_member(organization_id, principal.user_id, role=access.role)


def _identify(hooks: AccessHooks) -> Principal:
    token = _verify(_presented_token())
    principal = hooks.load_principal(token.session_id)
    if principal is None:
        raise TokenRevoked
    if str(principal.user_id) != token.subject:
        raise TokenInvalid
    return principal


def _presented_token() -> str:
    headers = request.headers.getlist("Authorization")
    if not headers:
        raise AuthenticationRequired
    authorization = request.authorization
    if len(headers) > 1 or authorization is None or authorization.type != "bearer":
        raise TokenInvalid
    if not authorization.token or len(authorization.token) > _MAX_TOKEN_LENGTH:
        raise TokenInvalid
    return authorization.token


def _verify(text: str) -> _AccessToken:
    """Return the access token. Raises TokenExpired or TokenInvalid."""
    settings = current_settings()
    try:
        token = _decode(text, signing_keys.current(), settings.public_url)
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TokenInvalid from error
    if token.expires_at - token.issued_at > settings.access_token_ttl_seconds:
        raise TokenInvalid
    if int(token.expires_at) <= time.time() - LEEWAY_SECONDS:
        raise TokenExpired
    return token


@lru_cache(maxsize=2048)
def _decode(text: str, keys: SigningKeys, issuer: str) -> _AccessToken:
    """Return a token whose signature and claims are valid. Raises TokenInvalid, or the exceptions of PyJWT.

    Cached, because a client sends each token many times, and verifying it takes as long as a short query. Errors are
    not cached. A cached token may have expired since, so the caller checks that again.

    flask-jwt-extended (4.7.4 in requirements.txt) is not used here: it accepts tokens without `exp` or `type`,
    and ignores the `typ` header.
    """
    claims = jwt.decode(
        text,
        _public_key(text.partition(".")[0], keys),
        algorithms=["EdDSA"],
        audience=issuer,
        issuer=issuer,
        leeway=LEEWAY_SECONDS,
        options={"require": _REQUIRED, "strict_aud": True},
    )
    _ensure_well_formed(claims)
    return _AccessToken(UUID(claims["sid"]), claims["sub"], claims["iat"], claims["exp"])


def _public_key(header: str, keys: SigningKeys) -> Ed25519PublicKey:
    """Return the key named in the encoded `header`. Raises TokenInvalid."""
    key = keys.public.get(_kid(header) or "")
    if key is None:
        raise TokenInvalid
    return key


@lru_cache(maxsize=64)
def _kid(header: str) -> str | None:
    """Return the key id in an encoded header, or `None` if the header is not that of an access token.

    Cached, because all access tokens signed with the same key have the same header.
    """
    fields = jwt.get_unverified_header(f"{header}.e30.")
    if fields.get("typ") != "at+jwt" or "crit" in fields:
        return None
    kid: str | None = fields.get("kid")
    return kid


def _ensure_well_formed(claims: dict[str, Any]) -> None:
    """Raise TokenInvalid unless the claims have the right types.

    PyJWT (2.15.1 in requirements.txt) accepts numeric strings in `exp`.
    """
    texts = all(isinstance(claims[name], str) for name in _TEXTS)
    numbers = all(type(claims[name]) in (int, float) for name in _NUMBERS)
    if not texts or not numbers or claims["type"] != "access":
        raise TokenInvalid
