"""Answers that are bytes, not JSON: by conditions and range (RFC 9110), and never as something a browser would run."""

from typing import Any, BinaryIO

from flask import Response, request, send_file
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable

BINARY = {"type": "string", "format": "binary"}
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def send_content(content: BinaryIO, mimetype: str, *, etag: str, size: int | None, **named: Any) -> Response:
    """The bytes, or the part that the request asks for; ranges are served where the `size` in bytes is known.

    Raises PreconditionFailed, RequestedRangeNotSatisfiable.
    """
    response = send_file(content, mimetype=mimetype, etag=etag, conditional=False, **named)
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
    """The request's environment with what Werkzeug judges otherwise than RFC 9110 put so that it cannot."""
    environ = dict(request.environ)
    if request.if_match.star_tag:
        del environ["HTTP_IF_MATCH"]
    if request.range and any(start < -size for start, _end in request.range.ranges if start is not None):
        environ["HTTP_RANGE"] = "bytes=0-"
    if request.headers.get("If-Range", "").startswith("W/"):
        environ.pop("HTTP_RANGE", None)
    return environ
