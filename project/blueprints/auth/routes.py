"""Registering, signing in and out."""

from typing import Any

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
    LoginRequest,
    RefreshRequest,
    RegistrationRequest,
    TokenPairResponse,
    UserResponse,
    UserUpdate,
)
from project.http.auth.access_tokens import token_pair
from project.http.auth.identity import current_principal, current_user_id
from project.http.middleware.rate_limits import LOGINS, REGISTRATIONS
from project.http.openapi import Blueprint
from project.http.responses.etags import expected_versions
from project.http.routing.access import public, user

blueprint = Blueprint("auth", __name__, url_prefix="/auth", description="Accounts and sessions")

_TOKENS = "Its answer holds tokens, which are not kept."


@blueprint.post(
    "/register", access=public, limits=(REGISTRATIONS,), exempt={"access": "Who registers has no account yet."}
)
@blueprint.raises(EmailTaken)
@blueprint.arguments(RegistrationRequest)
@blueprint.response(201, UserResponse)
def register(registration: dict[str, Any]) -> Any:
    """Register an account.

    Sent again without a key, it is refused: `email-taken`.
    """
    return service.register(**registration)


@blueprint.post(
    "/login", access=public, limits=(LOGINS,), exempt={"access": "One gets a token here.", "idempotency": _TOKENS}
)
@blueprint.raises(InvalidCredentials, AccountDisabled)
@blueprint.arguments(LoginRequest)
@blueprint.response(200, TokenPairResponse)
def log_in(credentials: dict[str, Any]) -> Any:
    """Sign in with e-mail address and password."""
    return token_pair(service.log_in(**credentials, client=_client()))


@blueprint.post(
    "/refresh", access=public, exempt={"access": "The refresh token says who it is.", "idempotency": _TOKENS}
)
@blueprint.raises(RefreshTokenInvalid, RefreshTokenReused)
@blueprint.arguments(RefreshRequest)
@blueprint.response(200, TokenPairResponse)
def refresh(body: dict[str, Any]) -> Any:
    """Exchange a refresh token for the next pair."""
    return token_pair(service.refresh(**body))


@blueprint.post("/logout", access=user, exempt={"idempotency": "What it ends stays ended."})
@blueprint.response(204)
def log_out() -> Any:
    """End this session at once."""
    session_id = current_principal().session_id
    if session_id is not None:
        service.log_out(session_id)


@blueprint.get("/me", access=user)
@blueprint.response(200, UserResponse)
def get_me() -> Any:
    """Who you are."""
    return service.get_user(current_user_id())


@blueprint.patch("/me", access=user)
@blueprint.arguments(UserUpdate)
@blueprint.response(200, UserResponse)
def update_me(changes: dict[str, Any]) -> Any:
    """Change how you are called."""
    return service.update_profile(current_user_id(), **changes, versions=expected_versions())


def _client() -> service.Client:
    return service.Client(request.headers.get("User-Agent", "")[:255], request.remote_addr or "")
