"""Binary responses: conditional and range requests (RFC 9110), and headers that prevent script execution."""

from typing import Any, BinaryIO

from flask import Response, request, send_file
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable

BINARY = {"type": "string", "format": "binary"}
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def send_content(content: BinaryIO, mimetype: str, *, etag: str, size: int | None, **options: Any) -> Response:
    """Return a response with `content` or the requested range of it, or a 304 response.

    Ranges are supported only if `size`, in bytes, is known. `options` are passed to `flask.send_file()`.
    Raises PreconditionFailed, RequestedRangeNotSatisfiable.
    """
    response = send_file(content, mimetype=mimetype, etag=etag, conditional=False, **options)
    if size is not None:
        response.content_length = size
    response.headers["Content-Security-Policy"] = _SANDBOX
    response.headers["Cache-Control"] = "private, no-cache"
    try:
        response.make_conditional(_conditions(size or 0), accept_ranges=size is not None, complete_length=size)
        if response.status_code == 412:
            raise PreconditionFailed
    except (PreconditionFailed, RequestedRangeNotSatisfiable):
        response.close()
        raise
    return response


def _conditions(size: int) -> dict[str, Any]:
    """Return a copy of the request's environ, adjusted where Werkzeug deviates from RFC 9110.

    Werkzeug (3.1.9 in requirements.txt) evaluates the headers in `make_conditional()` and has no hooks for this.
    """
    environ = dict(request.environ)
    # `If-Match: *` matches any existing resource (section 13.1.1). Werkzeug returns 412.
    if request.if_match.star_tag:
        del environ["HTTP_IF_MATCH"]
    # A suffix range longer than the content selects all of it (section 14.1.2). Werkzeug returns 416.
    if request.range and any(start < -size for start, _end in request.range.ranges if start is not None):
        environ["HTTP_RANGE"] = "bytes=0-"
    # A weak tag never matches in `If-Range` (section 13.1.5), so the full content is returned. Werkzeug ignores `W/`.
    if request.headers.get("If-Range", "").startswith("W/"):
        environ.pop("HTTP_RANGE", None)
    return environ
