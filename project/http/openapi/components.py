"""What operations of the OpenAPI document refer to: shared parameters and headers, and an example of each problem."""

from typing import Any

from project.http.responses import problems

_REQUEST_ID = "01a1e2c4-7f3a-7c11-9d0e-3f5b8a6c2d41"
_TAG = f'"3-9f86d081884c7d65{"0a1b2c3d" * 8}"'
_BARE, _QUOTED = r"[!#-+\--~]([ !#-+\--~]{0,253}[!#-+\--~])?", r'"([ !#-\[\]-~]|\\["\\]){1,255}"'
_KEY = f"^({_BARE}|{_QUOTED})$"

PARAMETERS: dict[str, Any] = {
    "Idempotency-Key": {
        "description": "Names this request: sent again with the same key, it has no second effect and gets the same "
        "answer, for 24 hours. Bare or in quotes.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": _KEY},
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    },
    "If-Match": {
        "description": "Do it only if the thing still has the version of this `ETag`; `*` for any.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": _TAG,
    },
    "If-None-Match": {
        "description": "Answer 304 without a body if the thing still has this `ETag`.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": _TAG,
    },
    "Range": {
        "description": "Which bytes to send (RFC 9110); one range.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": "bytes=0-99",
    },
    "If-Range": {
        "description": "Send the range only if the thing still has this `ETag`, else all of it.",
        "schema": {"type": "string", "maxLength": 8190},
        "example": _TAG,
    },
}
HEADERS: dict[str, Any] = {
    "Accept-Ranges": {"description": "`bytes` where ranges are served.", "example": "bytes"},
    "Content-Disposition": {
        "description": "What to call it (RFC 6266).",
        "example": "attachment; filename=a.txt",
    },
    "Content-Range": {"description": "Which bytes these are (RFC 9110).", "example": "bytes 0-99/1000"},
    "Deprecation": {"description": "Since when this is deprecated (RFC 9745).", "example": "@1798675200"},
    "ETag": {"description": "The version of the thing, and a digest of its representation.", "example": _TAG},
    "Idempotency-Replayed": {"description": "`true` on an answer that was kept for this key.", "example": "true"},
    "Link": {"description": 'The next page: `<…>; rel="next"` (RFC 8288).'},
    "Location": {"description": "Where the new thing is.", "schema": {"format": "uri"}},
    "RateLimit": {"description": "What is left, and for how long.", "example": '"login";r=99;t=60'},
    "RateLimit-Policy": {
        "description": "How many requests are taken in how many seconds.",
        "example": '"login";q=100;w=60',
    },
    "Repr-Digest": {"description": "SHA-256 of the whole (RFC 9530).", "example": "sha-256=:n4bQgYhMfWWaL+qgxVrQFQ==:"},
    "Retry-After": {"description": "Seconds after which to try again.", "example": "2"},
    "Sunset": {"description": "When this ends (RFC 8594).", "example": "Fri, 31 Dec 2027 00:00:00 GMT"},
    "WWW-Authenticate": {"description": "How to authenticate (RFC 6750).", "example": "Bearer"},
    "X-Request-ID": {"description": "The id of this request, also in the logs.", "example": _REQUEST_ID},
}


def components() -> dict[str, Any]:
    """The `parameters`, `headers` and `examples` of the document."""
    return {
        "parameters": {name: {"name": name, "in": "header", **part} for name, part in PARAMETERS.items()},
        "headers": {name: _header(part) for name, part in HEADERS.items()},
        "examples": {code: _problem(kind) for code, kind in problems.catalog().items()},
    }


def ref(kind: str, name: str) -> dict[str, str]:
    """A reference to a part."""
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
        value["errors"] = [{"pointer": "/email", "location": "body", "detail": "Not a valid e-mail address."}]
    return {"summary": kind.title, "value": value}
