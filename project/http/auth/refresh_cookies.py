"""Refresh tokens in a cookie, for single-page applications: unlike a token in a response, no script can read it.

Browsers also add cookies to requests that other sites cause (CSRF). Three defenses keep such requests from using the
cookie, and from replacing it by logging the user in to another account:

- `SameSite=Strict`: browsers add the cookie only to requests from pages of the same site.
- `X-Requested-With`: a page on another origin can send this header only after a CORS preflight, which only the origins
  in CORS_ORIGINS pass.
- `Origin`, which scripts cannot change: only these origins, and that of PUBLIC_URL, are allowed. This also rejects
  other subdomains, which belong to the same site.

The prefix `__Host-` makes browsers reject a cookie with this name that another subdomain, or an unencrypted page, sets.
"""

from flask import Response, after_this_request, request

from project.config import Settings, current_settings
from project.errors import Forbidden
from project.http.fields import Choice
from project.http.requests.schemas import Body
from project.setting_types import origin_of_url

NAME = "__Host-refresh_token"


class RefreshCookieNotAllowed(Forbidden):
    """Refresh cookies are disabled, or the request is not from a page on an allowed origin."""

    code = "refresh-cookie-not-allowed"
    title = "Refresh cookie not allowed"
    remedy = "Set `REFRESH_COOKIE_ENABLED`, and list the origin of the page in `CORS_ORIGINS`."


class RefreshCookieHeaders(Body):
    """Required of each request that sets or uses the cookie."""

    x_requested_with = Choice(
        ["XMLHttpRequest"],
        data_key="X-Requested-With",
        required=True,
        metadata={"description": "Proves that a script of an allowed origin sent the request (CSRF protection)."},
    )


def ensure_allowed() -> None:
    """Raise RefreshCookieNotAllowed unless the request is from a page that may use the cookie."""
    if request.headers.get("Origin") not in _allowed_origins(current_settings()):
        raise RefreshCookieNotAllowed


def presented_token() -> str:
    """Return the refresh token in the cookie, or an empty text. If it is rejected, the response deletes the cookie."""

    @after_this_request
    def delete_if_rejected(response: Response) -> Response:
        return _deleting(response) if response.status_code == 401 else response

    return request.cookies.get(NAME, "")


def set_token(token: str, *, max_age_seconds: int) -> None:
    """Set the cookie in the response."""
    after_this_request(lambda response: _setting(response, token, max_age_seconds))


def delete_token() -> None:
    """Delete the cookie in the response, if the client has sent it."""
    after_this_request(_deleting)


def _setting(response: Response, token: str, max_age_seconds: int) -> Response:
    response.set_cookie(NAME, token, max_age_seconds, path="/", secure=True, httponly=True, samesite="Strict")
    return response


def _deleting(response: Response) -> Response:
    return _setting(response, "", 0) if NAME in request.cookies else response


def _allowed_origins(settings: Settings) -> frozenset[str]:
    if not settings.refresh_cookie_enabled:
        return frozenset()
    return frozenset((*settings.cors_origins, origin_of_url(settings.public_url)))
