"""Authenticates and authorizes callers. Loads the session of the access token on each request."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hmac import compare_digest
from typing import Protocol, cast
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, g, request

from project.config import current_settings
from project.errors import NotFound, PermissionDenied, Unauthenticated
from project.http.auth import access_tokens
from project.http.auth.access_tokens import TokenInvalid
from project.http.routing.access import Access
from project.http.routing.rule import ContractRule, current_rule
from project.infrastructure import logging

_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_TOKEN_LENGTH = 4096


class AuthenticationRequired(Unauthenticated):
    """This route requires an access token."""

    code = "authentication-required"
    title = "Authentication required"
    remedy = "Log in, and send the access token in the `Authorization: Bearer` header."


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

    `load_principal` returns the principal of the session with this id, or `None` if it has ended. It also gets the
    generation of the access token. `ensure_member` returns a user's role in an organization. It raises an error if the
    user is not a member or lacks the required role.
    """

    load_principal: Callable[[UUID, int], Principal | None]
    ensure_member: Callable[..., str]


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
    token = access_tokens.verify(_presented_token())
    principal = hooks.load_principal(token.session_id, token.generation)
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
