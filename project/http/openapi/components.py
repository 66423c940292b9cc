"""Shared components of the OpenAPI document: parameters, headers and an example for each problem."""

from typing import Any

from project.http.responses import problems

_REQUEST_ID = "01a1e2c4-7f3a-7c11-9d0e-3f5b8a6c2d41"
_TAG = f'"3-9f86d081884c7d65{"0a1b2c3d" * 8}"'
_BARE, _QUOTED = r"[!#-+\--~]([ !#-+\--~]{0,253}[!#-+\--~])?", r'"([ !#-\[\]-~]|\\["\\]){1,255}"'
_KEY = f"^({_BARE}|{_QUOTED})$"

PARAMETERS: dict[str, Any] = {
    "Idempotency-Key": {
        "description": "Unique key for this request, with or without quotes. A retry with the same key has no further "
        "effect and returns the stored response. Keys expire after 24 hours by default.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": _KEY},
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    },
    "If-Match": {
        "description": "Apply the change only if the resource's current `ETag` matches. `*` matches any version.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": _TAG,
    },
    "If-None-Match": {
        "description": "Return 304 without a body if the resource's current `ETag` matches.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": _TAG,
    },
    "Range": {
        "description": "The byte range to return (RFC 9110). A single range is supported.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": "bytes=0-99",
    },
    "If-Range": {
        "description": "Return the range only if the resource's current `ETag` matches, otherwise the full content.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": _TAG,
    },
}
HEADERS: dict[str, Any] = {
    "Accept-Ranges": {"description": "`bytes` if range requests are supported.", "example": "bytes"},
    "Content-Disposition": {
        "description": "Disposition and suggested file name (RFC 6266).",
        "example": "attachment; filename=a.txt",
    },
    "Content-Range": {"description": "The range returned (RFC 9110).", "example": "bytes 0-99/1000"},
    "Deprecation": {"description": "When the route was deprecated (RFC 9745).", "example": "@1798675200"},
    "ETag": {"description": "Version of the resource and digest of its representation.", "example": _TAG},
    "Idempotency-Replayed": {"description": "`true` if this is a stored response.", "example": "true"},
    "Link": {"description": 'Link to the next page: `<…>; rel="next"` (RFC 8288).'},
    "Location": {"description": "URL of the new resource.", "schema": {"format": "uri"}},
    "RateLimit": {
        "description": "Remaining requests, and seconds until the quota resets.",
        "example": '"login";r=99;t=60',
    },
    "RateLimit-Policy": {
        "description": "Request quota, and its window in seconds.",
        "example": '"login";q=100;w=60',
    },
    "Repr-Digest": {
        "description": "SHA-256 digest of the full content (RFC 9530).",
        "example": "sha-256=:n4bQgYhMfWWaL+qgxVrQFQ==:",
    },
    "Retry-After": {"description": "Seconds to wait before retrying.", "example": "2"},
    "Set-Cookie": {"description": "Sets the refresh token, in the cookie `__Host-refresh_token`."},
    "Sunset": {"description": "When the route will be removed (RFC 8594).", "example": "Fri, 31 Dec 2027 00:00:00 GMT"},
    "WWW-Authenticate": {"description": "How to authenticate (RFC 6750).", "example": "Bearer"},
    "X-Request-ID": {"description": "Id of the request, as it appears in the logs.", "example": _REQUEST_ID},
}


def components() -> dict[str, Any]:
    """Return the `parameters`, `headers` and `examples` of the document."""
    return {
        "parameters": {name: {"name": name, "in": "header", **part} for name, part in PARAMETERS.items()},
        "headers": {name: _header(part) for name, part in HEADERS.items()},
        "examples": {code: _problem(kind) for code, kind in problems.catalog().items()},
    }


def ref(kind: str, name: str) -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def _header(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "schema": {"type": "string", "maxLength": 2000, **part.get("schema", {})}}


def _problem(kind: Any) -> dict[str, Any]:
    value = {
        "type": f"https://example.com/problems/{kind.code}",
        "title": kind.title,
        "status": problems.status_of(kind),
        "detail": kind.cause(),
        "instance": "/api/v1/…",
        "code": kind.code,
        "request_id": _REQUEST_ID,
    }
    if kind.code == "validation-failed":
        value["errors"] = [{"pointer": "/email", "location": "body", "detail": "Not a valid email address."}]
    return {"summary": kind.title, "value": value}
