"""CORS (Fetch Standard): lets only pages from the origins in CORS_ORIGINS read responses."""

from flask import Flask, Response, current_app, request

from project.config import Settings
from project.http.routing.rule import current_rule

_EXPOSED = (
    "Content-Disposition, Content-Range, Deprecation, ETag, Idempotency-Replayed, Link, Location, RateLimit, "
    "RateLimit-Policy, Repr-Digest, Retry-After, Sunset, X-Request-ID"
)
# The preflight response is the same for every path, so that a page can also read the 404 or 405 response to an
# invalid request.
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Range, X-Request-ID, "
        "X-Requested-With, traceparent"
    ),
    "Access-Control-Max-Age": "7200",
}


def init_app(app: Flask, settings: Settings) -> None:
    """Let pages from the origins in CORS_ORIGINS read the responses of `app`.

    Only refresh cookies need `Access-Control-Allow-Credentials`: access tokens are sent in `Authorization`.
    """
    allowed_origins = frozenset(settings.cors_origins)
    if not allowed_origins:
        return

    @app.before_request
    def handle_preflight() -> Response | None:
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not is_preflight or request.headers.get("Origin") not in allowed_origins:
            return None
        return current_app.response_class(status=204, headers=_PREFLIGHT)

    @app.after_request
    def add_cors_headers(response: Response) -> Response:
        response.vary.add("Origin")
        origin, rule = request.headers.get("Origin"), current_rule()
        if origin in allowed_origins and not (rule and rule.access.kind == "scraper"):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            if settings.refresh_cookie_enabled:
                response.headers["Access-Control-Allow-Credentials"] = "true"
        return response
