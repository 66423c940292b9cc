"""Registration, login, sessions, passwords, email addresses and the caller's profile."""

from typing import Any
from uuid import UUID

from flask import request

from project.blueprints.auth import service
from project.blueprints.auth.errors import (
    AccountDisabled,
    EmailNotVerified,
    EmailTaken,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
    TokenSpent,
)
from project.blueprints.auth.schemas import (
    AccessTokenResponse,
    EmailChangeRequest,
    EmailConfirmationRequest,
    LoginRequest,
    PasswordChangeRequest,
    PasswordResetConfirmationRequest,
    PasswordResetRequest,
    RefreshRequest,
    RegistrationPendingResponse,
    RegistrationRequest,
    SessionPage,
    TokenPairResponse,
    UserResponse,
    UserUpdate,
)
from project.errors import NotFound, PermissionDenied
from project.http.auth import refresh_cookies
from project.http.auth.access_tokens import token_pair
from project.http.auth.identity import current_principal, current_user_id
from project.http.auth.refresh_cookies import RefreshCookieHeaders, RefreshCookieNotAllowed
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.requests.schemas import PageQuery
from project.http.responses.etags import expected_versions
from project.http.routing.access import public, user
from project.http.routing.limits import LOGINS, PASSWORD_CHECKS, REGISTRATIONS, Limit, current_user
from project.http.routing.rule import CREATES_ANOTHER

blueprint = Blueprint("auth", __name__, url_prefix="/auth", description="Accounts and sessions")

_REFRESHES = Limit("refresh", lambda settings: settings.refreshes_per_minute)
_VERIFICATIONS = Limit(
    "verification",
    lambda settings: settings.account_emails_per_hour,
    caller=current_user,
    window_seconds=3600,
)
_EMAILED_TOKENS = Limit("emailed-token", lambda settings: settings.emailed_tokens_per_minute)
_CONTAINS_TOKENS = "response contains tokens and is never stored"


@blueprint.post(
    "/register",
    access=public,
    limits=(REGISTRATIONS,),
    exempt={"access": "callers have no account yet"},
    on_retry="email-taken",
)
@blueprint.raises(EmailTaken, PermissionDenied)
@blueprint.arguments(RegistrationRequest)
@blueprint.response(201, UserResponse)
@blueprint.alt_response(202, schema=RegistrationPendingResponse)
def register(registration: dict[str, Any]) -> Any:
    """Register an account.

    An email asks for the confirmation of the address. In registration mode `confirm`, the response is 202, whether or
    not the address has an account, and the address must be confirmed before the first login. In mode `closed`, only
    invited users can register.
    """
    return service.register(**registration) or ({"email": registration["email"]}, 202)


@blueprint.post(
    "/login",
    access=public,
    limits=(LOGINS,),
    exempt={"access": "issues the first token", "idempotency": _CONTAINS_TOKENS},
)
@blueprint.raises(InvalidCredentials, AccountDisabled, EmailNotVerified)
@blueprint.arguments(LoginRequest)
@blueprint.response(200, TokenPairResponse)
def log_in(credentials: dict[str, Any]) -> Any:
    """Log in with an email address and a password."""
    return token_pair(service.log_in(**credentials, client=_client()))


@blueprint.post(
    "/refresh",
    access=public,
    limits=(_REFRESHES,),
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
@blueprint.raises(InvalidCredentials, AccountDisabled, EmailNotVerified, RefreshCookieNotAllowed)
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
    limits=(_REFRESHES,),
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


@blueprint.post("/password", access=user, limits=(PASSWORD_CHECKS,), on_retry="validation-failed")
@blueprint.arguments(PasswordChangeRequest)
@blueprint.response(204)
def change_password(body: dict[str, Any]) -> Any:
    """Change your password, and end all of your other sessions immediately.

    A wrong `current_password` is reported as `validation-failed`.
    """
    principal = current_principal()
    service.change_password(principal.user_id, session_id=principal.session_id, **body)


@blueprint.post(
    "/password-reset",
    access=public,
    limits=(_EMAILED_TOKENS,),
    exempt={"access": "callers cannot log in"},
    on_retry=CREATES_ANOTHER,
)
@blueprint.arguments(PasswordResetRequest)
@blueprint.response(202)
def request_password_reset(body: dict[str, Any]) -> Any:
    """Request an email with a link to choose a new password.

    The response does not reveal whether the address has an account.
    """
    service.request_password_reset(**body)


@blueprint.post(
    "/password-reset/confirm",
    access=public,
    limits=(_EMAILED_TOKENS,),
    exempt={"access": "authenticated by the token from the email"},
    on_retry="token-spent",
)
@blueprint.raises(NotFound, TokenSpent)
@blueprint.arguments(PasswordResetConfirmationRequest)
@blueprint.response(204)
def reset_password(body: dict[str, Any]) -> Any:
    """Choose a new password with the token from the email.

    All sessions end immediately, and the email address is confirmed.
    """
    service.reset_password(**body)


@blueprint.post("/email", access=user, limits=(PASSWORD_CHECKS,), on_retry=CREATES_ANOTHER)
@blueprint.arguments(EmailChangeRequest)
@blueprint.response(202)
def change_email(body: dict[str, Any]) -> Any:
    """Change your email address.

    The address changes as soon as it is confirmed with the link in the email that is sent to it. A notice is sent to
    the present address. A wrong `password` is reported as `validation-failed`.
    """
    service.change_email(current_user_id(), **body)


@blueprint.post("/email-verification", access=user, limits=(_VERIFICATIONS,), on_retry=CREATES_ANOTHER)
@blueprint.response(202)
def request_email_verification() -> Any:
    """Request another email with a link to confirm your email address.

    The link replaces the previous one. No email is sent if there is nothing to confirm.
    """
    service.request_email_verification(current_user_id())


@blueprint.post(
    "/email-verification/confirm",
    access=public,
    limits=(_EMAILED_TOKENS,),
    exempt={"access": "authenticated by the token from the email"},
    on_retry="token-spent",
)
@blueprint.raises(NotFound, TokenSpent, EmailTaken)
@blueprint.arguments(EmailConfirmationRequest)
@blueprint.response(204)
def confirm_email(body: dict[str, Any]) -> Any:
    """Confirm an email address with the token from the email.

    With a `new_password`, the account becomes that of the owner of the address, even if another person has registered
    it: the previous password, all sessions and all other tokens become invalid.
    """
    service.confirm_email(**body)


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
