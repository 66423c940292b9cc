"""Registration, login, token refresh, logout and the caller's profile."""

from typing import Any
from uuid import UUID

from flask import request

from project.blueprints.auth import service
from project.blueprints.auth.errors import (
    AccountDisabled,
    EmailTaken,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from project.blueprints.auth.schemas import (
    AccessTokenResponse,
    LoginRequest,
    PasswordChangeRequest,
    RefreshRequest,
    RegistrationRequest,
    SessionPage,
    TokenPairResponse,
    UserResponse,
    UserUpdate,
)
from project.http.auth import refresh_cookies
from project.http.auth.access_tokens import token_pair
from project.http.auth.identity import current_principal, current_user_id
from project.http.auth.refresh_cookies import RefreshCookieHeaders, RefreshCookieNotAllowed
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.requests.schemas import PageQuery
from project.http.responses.etags import expected_versions
from project.http.routing.access import public, user
from project.http.routing.limits import LOGINS, REGISTRATIONS, Limit

blueprint = Blueprint("auth", __name__, url_prefix="/auth", description="Accounts and sessions")

_PASSWORD_CHANGES = Limit(
    "password", lambda settings: settings.password_changes_per_minute, caller=lambda: str(current_user_id())
)
_CONTAINS_TOKENS = "response contains tokens and is never stored"


@blueprint.post(
    "/register",
    access=public,
    limits=(REGISTRATIONS,),
    exempt={"access": "callers have no account yet"},
    on_retry="email-taken",
)
@blueprint.raises(EmailTaken)
@blueprint.arguments(RegistrationRequest)
@blueprint.response(201, UserResponse)
def register(registration: dict[str, Any]) -> Any:
    """Register an account."""
    return service.register(**registration)


@blueprint.post(
    "/login",
    access=public,
    limits=(LOGINS,),
    exempt={"access": "issues the first token", "idempotency": _CONTAINS_TOKENS},
)
@blueprint.raises(InvalidCredentials, AccountDisabled)
@blueprint.arguments(LoginRequest)
@blueprint.response(200, TokenPairResponse)
def log_in(credentials: dict[str, Any]) -> Any:
    """Log in with an email address and a password."""
    return token_pair(service.log_in(**credentials, client=_client()))


@blueprint.post(
    "/refresh",
    access=public,
    exempt={"access": "authenticated by the refresh token", "idempotency": _CONTAINS_TOKENS},
)
@blueprint.raises(RefreshTokenInvalid, RefreshTokenReused)
@blueprint.arguments(RefreshRequest)
@blueprint.response(200, TokenPairResponse)
def refresh(body: dict[str, Any]) -> Any:
    """Exchange a refresh token for a new token pair."""
    return token_pair(service.refresh(**body))


@blueprint.post(
    "/cookie/login",
    access=public,
    limits=(LOGINS,),
    exempt={"access": "issues the first token", "idempotency": _CONTAINS_TOKENS},
)
@blueprint.raises(InvalidCredentials, AccountDisabled, RefreshCookieNotAllowed)
@blueprint.arguments(RefreshCookieHeaders, location="headers")
@blueprint.arguments(LoginRequest)
@blueprint.response(200, AccessTokenResponse, headers={"Set-Cookie": "Set-Cookie"})
def log_in_with_cookie(_headers: dict[str, Any], credentials: dict[str, Any]) -> Any:
    """Log in from a web page, which keeps the refresh token in a cookie.

    Only for pages on allowed origins, if refresh cookies are enabled. The cookie replaces that of an earlier login.
    """
    refresh_cookies.ensure_allowed()
    return _with_cookie(service.log_in(**credentials, client=_client()))


@blueprint.post(
    "/cookie/refresh",
    access=public,
    exempt={"access": "authenticated by the refresh token", "idempotency": _CONTAINS_TOKENS},
)
@blueprint.raises(RefreshTokenInvalid, RefreshTokenReused, RefreshCookieNotAllowed)
@blueprint.arguments(RefreshCookieHeaders, location="headers")
@blueprint.response(200, AccessTokenResponse, headers={"Set-Cookie": "Set-Cookie"})
def refresh_with_cookie(_headers: dict[str, Any]) -> Any:
    """Exchange the refresh token in the cookie for a new access token and cookie.

    The token is read from the cookie `__Host-refresh_token`. If it is rejected, the cookie is deleted.
    """
    refresh_cookies.ensure_allowed()
    return _with_cookie(service.refresh(refresh_cookies.presented_token()))


@blueprint.post("/logout", access=user, exempt={"idempotency": "already idempotent"})
@blueprint.response(204)
def log_out() -> Any:
    """End the current session immediately.

    If the request contains the refresh cookie, the cookie is deleted.
    """
    principal = current_principal()
    if principal.session_id is not None:
        service.log_out(principal.session_id, user_id=principal.user_id)
    refresh_cookies.delete_token()


@blueprint.post("/logout-all", access=user, exempt={"idempotency": "already idempotent"})
@blueprint.response(204)
def log_out_everywhere() -> Any:
    """End all of your sessions immediately, including the current one.

    If the request contains the refresh cookie, the cookie is deleted.
    """
    service.end_all_sessions(current_user_id())
    refresh_cookies.delete_token()


@blueprint.post("/password", access=user, limits=(_PASSWORD_CHANGES,), on_retry="validation-failed")
@blueprint.arguments(PasswordChangeRequest)
@blueprint.response(204)
def change_password(body: dict[str, Any]) -> Any:
    """Change your password, and end all of your other sessions immediately.

    A wrong `current_password` is reported as `validation-failed`.
    """
    principal = current_principal()
    service.change_password(principal.user_id, session_id=principal.session_id, **body)


@blueprint.get("/sessions", access=user)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, SessionPage)
def list_sessions(query: dict[str, Any]) -> Any:
    """List your sessions."""
    current_id = current_principal().session_id
    return page_response(service.list_sessions(current_user_id(), page_request(query), current_id=current_id))


@blueprint.delete("/sessions/<uuid:session_id>", access=user, exempt={"if-match": "sessions have no versions"})
@blueprint.response(204)
def end_session(session_id: UUID) -> Any:
    """End one of your sessions immediately."""
    service.end_session(session_id, user_id=current_user_id())


@blueprint.get("/me", access=user)
@blueprint.response(200, UserResponse)
def get_me() -> Any:
    """Get your profile."""
    return current_principal().user


@blueprint.patch("/me", access=user)
@blueprint.arguments(UserUpdate)
@blueprint.response(200, UserResponse)
def update_me(changes: dict[str, Any]) -> Any:
    """Update your profile."""
    return service.update_profile(current_user_id(), versions=expected_versions(), **changes)


def _with_cookie(grant: service.Grant) -> dict[str, Any]:
    pair = token_pair(grant)
    refresh_cookies.set_token(pair["refresh_token"], max_age_seconds=pair["refresh_expires_in"])
    return pair


def _client() -> service.Client:
    user_agent = "".join(filter(str.isprintable, request.headers.get("User-Agent", "")))
    return service.Client(user_agent[:255], request.remote_addr or "")
