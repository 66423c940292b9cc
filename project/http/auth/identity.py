"""Who is calling: the one place where an access token is verified, against the session and user rows."""

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
    remedy = "Log in and send the access token as `Authorization: Bearer`."


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
    remedy = "Use the refresh token to get a new one."
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
    remedy = "Send the value of `METRICS_TOKEN` as `Authorization: Bearer`."


class Principal(Protocol):
    """Who is calling. The session may one day be absent."""

    @property
    def user_id(self) -> UUID: ...
    @property
    def session_id(self) -> UUID | None: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True)
class AccessHooks:
    """What identity and access ask of the blueprints above; create_app() hands it in."""

    load_principal: Callable[[UUID], Principal | None]
    ensure_member: Callable[..., object]


def init_app(app: Flask, judges: AccessHooks) -> None:
    """Judge each request of `app` before anything else sees it."""
    app.before_request(partial(_authorize, judges))


def current_principal() -> Principal:
    """Who is calling; only on routes that are not public."""
    return cast(Principal, g.principal)


def current_user_id() -> UUID:
    """Whose request this is."""
    return current_principal().user_id


def _authorize(judges: AccessHooks) -> None:
    rule = current_rule()
    if rule is None or _is_automatic(rule) or rule.access.kind == "public":
        return
    if rule.access.kind == "development":
        _ensure_developer()
        return
    if rule.access.kind == "scraper":
        _ensure_scraper()
        return
    g.principal = _identify(judges)
    logging.bind(user_id=str(g.principal.user_id), session_id=str(g.principal.session_id))
    _ensure_role(judges, rule.access, g.principal)


def _is_automatic(rule: ContractRule) -> bool:
    """Whether Flask answers this by itself, with nothing but the methods that there are."""
    return request.method == "OPTIONS" and rule.provide_automatic_options


def _ensure_developer() -> None:
    """Development routes answer this machine only: no peer elsewhere, no proxy, no name that was made to lead here."""
    is_direct = not any(name in request.headers for name in _PROXY_HEADERS)
    is_local = request.remote_addr in {"127.0.0.1", "::1"} and urlsplit(request.host_url).hostname in _LOCAL_NAMES
    if not (current_settings().is_development and is_direct and is_local):
        raise NotFound


def _ensure_scraper() -> None:
    """Metrics have a token of their own, which says nothing of a user."""
    authorization = request.authorization
    token = authorization.token if authorization and authorization.type == "bearer" else None
    if not compare_digest((token or "").encode(), current_settings().metrics_token.encode()):
        raise MetricsTokenRequired


def _ensure_role(judges: AccessHooks, access: Access, principal: Principal) -> None:
    if access.kind == "admin" and principal.role != "admin":
        raise PermissionDenied
    if access.kind == "member":
        organization_id = (request.view_args or {})["organization_id"]
        judges.ensure_member(organization_id, principal.user_id, role=access.role)


def _identify(judges: AccessHooks) -> Principal:
    claims = _verify(_presented_token())
    try:
        principal = judges.load_principal(UUID(claims["sid"]))
    except ValueError as error:
        raise TokenInvalid from error
    if principal is None:
        raise TokenRevoked
    if str(principal.user_id) != claims["sub"]:
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


def _verify(token: str) -> dict[str, Any]:
    """The claims of a token that we issued. flask-jwt-extended's own check accepts far too much."""
    settings = current_settings()
    try:
        claims = jwt.decode(
            token,
            _public_key(token.partition(".")[0]),
            algorithms=["EdDSA"],
            audience=settings.public_url,
            issuer=settings.public_url,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED, "strict_aud": True},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TokenInvalid from error
    _ensure_well_formed(claims)
    return claims


def _public_key(header: str) -> Ed25519PublicKey:
    """The key that the encoded `header` names. Raises TokenInvalid."""
    kid = _kid(header)
    key = signing_keys.current().public.get(kid or "")
    if key is None:
        raise TokenInvalid
    return key


@lru_cache(maxsize=64)
def _kid(header: str) -> str | None:
    """The key id in the header of an access token; the same few headers come with every request."""
    fields = jwt.get_unverified_header(f"{header}.e30.")
    if fields.get("typ") != "at+jwt" or "crit" in fields:
        return None
    kid: str | None = fields.get("kid")
    return kid


def _ensure_well_formed(claims: dict[str, Any]) -> None:
    """PyJWT takes `exp` as text, and any life, however long."""
    texts = all(isinstance(claims[name], str) for name in _TEXTS)
    numbers = all(type(claims[name]) in (int, float) for name in _NUMBERS)
    if not texts or not numbers or claims["type"] != "access":
        raise TokenInvalid
    if claims["exp"] - claims["iat"] > current_settings().access_token_ttl_seconds:
        raise TokenInvalid
