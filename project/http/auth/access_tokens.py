"""Issues access tokens (RFC 9068). `identity.py` verifies them."""

from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token

from project.config import Settings, current_settings
from project.http.auth import signing_keys


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


# flask-jwt-extended (4.7.4 in requirements.txt) is used only to create tokens. Its manager also registers error
# handlers for PyJWT's exceptions on the application. They would turn any such exception into a 401 response,
# even one about another service's token. No option disables this, so override the internal method.
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


def _seconds_until(moment: datetime) -> int:
    return max(0, int((moment - datetime.now(moment.tzinfo)).total_seconds()))
