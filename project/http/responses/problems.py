"""Renders every error as problem details (RFC 9457). Only this module maps kinds of errors to HTTP statuses."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from flask import Flask, Response, current_app, g, json, request
from werkzeug.exceptions import HTTPException

from project import errors
from project.config import current_settings
from project.http.responses.problem_schemas import MAX_ERRORS
from project.infrastructure.logging import logger

MIMETYPE = "application/problem+json"


class MalformedRequest(errors.BadRequest):
    """The request is incomplete, has an invalid header, or has a body that is not valid JSON or form data."""

    code = "malformed-request"
    title = "Malformed request"
    remedy = "Send a complete request with one JSON object in UTF-8, or with the form that the route expects."


class MethodNotAllowed(errors.Error):
    """The path exists but does not support this method."""

    code = "method-not-allowed"
    title = "Method not allowed"
    remedy = "Use one of the methods in the `Allow` header."


class NotAcceptable(errors.Error):
    """The `Accept` header excludes the media type of the response."""

    code = "not-acceptable"
    title = "Not acceptable"
    remedy = "Include `application/json` in the `Accept` header, or omit the header."


class PayloadTooLarge(errors.TooLarge):
    """The request body is too large."""

    code = "payload-too-large"
    title = "Payload too large"
    remedy = "Send a smaller body."


class UriTooLong(errors.Error):
    """The request line is too long."""

    code = "uri-too-long"
    title = "URI too long"
    remedy = "Shorten the path and the query."


class HeaderTooLarge(errors.Error):
    """A header is too large, the headers are too large in total, or there are too many headers."""

    code = "header-too-large"
    title = "Header too large"
    remedy = "Send fewer or shorter headers. A single header may have up to 8,000 characters."


class UnsupportedMediaType(errors.Unsupported):
    """The request body has a media type or encoding that this route does not accept, or no media type."""

    code = "unsupported-media-type"
    title = "Unsupported media type"
    remedy = "Send an uncompressed body, as `application/json` in UTF-8 or, for uploads, as `multipart/form-data`."


class RangeNotSatisfiable(errors.Error):
    """The requested range starts after the end of the content."""

    code = "range-not-satisfiable"
    title = "Range not satisfiable"
    remedy = "Request a range within the size given in `Content-Range`."


class InternalError(errors.Error):
    """An unexpected error occurred and was logged."""

    code = "internal-error"
    title = "Internal error"
    remedy = "Retry later. If the error persists, report the `request_id`."


STATUS: dict[type[errors.Error], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Missing: 404,
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Stale: 412,
    errors.TooLarge: 413,
    UriTooLong: 414,
    errors.Unsupported: 415,
    RangeNotSatisfiable: 416,
    errors.Unprocessable: 422,
    errors.TooMany: 429,
    HeaderTooLarge: 431,
    InternalError: 500,
    errors.Unavailable: 503,
}
_BY_STATUS: dict[int, type[errors.Error]] = {
    400: MalformedRequest,
    404: errors.NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    412: errors.PreconditionFailed,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    416: RangeNotSatisfiable,
    422: errors.ValidationFailed,
    503: errors.ServiceUnavailable,
}
# Where webargs' names of locations differ from those of the contract.
_LOCATIONS = {"json": "body", "headers": "header"}


def init_app(app: Flask) -> None:
    """Render every exception raised in `app` as problem details."""
    app.register_error_handler(errors.Error, render)
    app.register_error_handler(HTTPException, render_http_exception)


def catalog() -> dict[str, type[errors.Error]]:
    """Return all problem types by code."""
    return {kind.code: kind for kind in sorted(_concrete(errors.Error), key=lambda kind: kind.code)}


def status_of(kind: type[errors.Error]) -> int:
    """Return the HTTP status of a kind of error."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def validation_failed(messages: Mapping[str, Any]) -> errors.ValidationFailed:
    """Return the error for `messages`, as webargs reports them: `{location: tree}`. Lists the first 100 messages."""
    return errors.ValidationFailed(errors=list(islice(_pointers(messages), MAX_ERRORS)))


def render(error: errors.Error) -> Response:
    """Return the response for `error`. Logs errors with status 503."""
    if status_of(type(error)) == 503:
        logger.error("request.unavailable", code=error.code, exc_info=error)
    g.problem_code = error.code
    return problem_response(error, request.path, g.request_id)


def problem_response(error: errors.Error, instance: str, request_id: str) -> Response:
    """Return the response for `error`. `instance` is the path of the request.

    Needs only an application context, so that the server can use it outside of requests.
    """
    status = status_of(type(error))
    body = {
        "type": f"{current_settings().public_url}/problems/{error.code}",
        "title": error.title,
        "status": status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "request_id": request_id,
        **error.members,
    }
    response = current_app.response_class(json.dumps(body), status, mimetype=MIMETYPE)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = getattr(error, "challenge", "Bearer")
    return response


def render_http_exception(exception: HTTPException) -> Response:
    """Return the response for an exception raised by Flask, Werkzeug or webargs.

    Flask wraps unexpected exceptions in InternalServerError, so they are rendered here as well.
    """
    if exception.response is not None or (exception.code or 500) < 400:
        return exception.get_response()  # type: ignore[return-value]  # a redirect
    response = render(_as_error(exception))
    kept = {"Allow", "Content-Range", "Retry-After"}
    response.headers.extend([(name, value) for name, value in exception.get_headers() if name in kept])
    return response


def _as_error(exception: HTTPException) -> errors.Error:
    kind = _BY_STATUS.get(exception.code or 500, InternalError if (exception.code or 500) >= 500 else MalformedRequest)
    messages = getattr(exception, "data", {}).get("messages")
    if kind is errors.ValidationFailed and messages:
        return validation_failed(messages)
    return kind()


def _pointers(messages: Mapping[str, Any]) -> Iterable[dict[str, str]]:
    for location, tree in messages.items():
        yield from _walk(tree, "", _LOCATIONS.get(location, location))


def _walk(tree: Any, pointer: str, location: str) -> Iterable[dict[str, str]]:
    if isinstance(tree, Mapping):
        for key, branch in tree.items():
            yield from _walk(branch, pointer + _segment(key), location)
        return
    for message in tree if isinstance(tree, list) else [tree]:
        yield {"pointer": pointer, "location": location, "detail": str(message)}


def _segment(key: Any) -> str:
    if key == "_schema":
        return ""
    # The name of an unknown member may contain a lone surrogate, which cannot be encoded in a response.
    name = str(key).encode(errors="backslashreplace").decode()
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _concrete(kind: type[errors.Error]) -> Iterable[type[errors.Error]]:
    for subclass in kind.__subclasses__():
        if "code" in subclass.__dict__:
            yield subclass
        yield from _concrete(subclass)
