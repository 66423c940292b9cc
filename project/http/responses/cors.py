"""CORS (Fetch Standard): which origins' pages may read the answers. None, unless CORS_ORIGINS lists them."""

from flask import Flask, Response, current_app, request

from project.config import Settings
from project.http.routing.rule import current_rule

_EXPOSED = (
    "Content-Disposition, Content-Range, Deprecation, ETag, Idempotency-Replayed, Link, Location, RateLimit, "
    "RateLimit-Policy, Repr-Digest, Retry-After, Sunset, X-Request-ID"
)
# The same for every path: a page is to read the 404 or 405 of a request that could never succeed.
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Range, X-Request-ID, traceparent"
    ),
    "Access-Control-Max-Age": "7200",
}


def init_app(app: Flask, settings: Settings) -> None:
    """Grant the listed origins, and no other, to read what `app` answers.

    Without credentials mode: tokens travel in `Authorization`, and there are no cookies.
    """
    granted = frozenset(settings.cors_origins)
    if not granted:
        return

    @app.before_request
    def answer_preflight() -> Response | None:
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not is_preflight or request.headers.get("Origin") not in granted:
            return None
        return current_app.response_class(status=204, headers=_PREFLIGHT)

    @app.after_request
    def grant(response: Response) -> Response:
        response.vary.add("Origin")
        origin, rule = request.headers.get("Origin"), current_rule()
        if origin in granted and not (rule and rule.access.kind == "scraper"):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response
