"""Request bodies: read whole or refused, and JSON parsed strictly (RFC 8259, no duplicate members)."""

import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import flask
import marshmallow
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import NotAcceptable
from werkzeug.wrappers import Request

from project.config import current_settings
from project.http.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType

_MOST_MEMBERS = 1000
WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WholeBody:
    """WSGI middleware: a body that ends before its Content-Length, or in a broken chunk, is a malformed request."""

    def __init__(self, application: WSGI) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = _Checked(environ["wsgi.input"], environ.get("CONTENT_LENGTH", ""))
        return self._application(environ, start_response)


class _Checked:
    def __init__(self, stream: Any, content_length: str) -> None:
        self._stream = stream
        self._left = int(content_length) if content_length.isascii() and content_length.isdigit() else None

    def read(self, size: int = -1) -> bytes:
        data = self._take(self._stream.read, size)
        # A stream gives less than it was asked for at its end only (PEP 3333), and many ask just once.
        if size < 0 or len(data) < size:
            self._ensure_whole()
        return data

    def readline(self, size: int = -1) -> bytes:
        line = self._take(self._stream.readline, size)
        if not line and size != 0:
            self._ensure_whole()
        return line

    def _take(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except Exception as error:  # the server's parser has many names for a body that is cut off
            raise MalformedRequest("The body ended early or is wrongly framed.") from error
        if self._left is not None:
            self._left -= len(data)
        return data

    def _ensure_whole(self) -> None:
        if self._left is not None and self._left > 0:
            raise MalformedRequest("The body is shorter than its Content-Length.")


class StrictParser(FlaskParser):
    """Arguments from JSON and query, refused where webargs would guess or ignore."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": marshmallow.RAISE, "query": marshmallow.RAISE}  # noqa: RUF012

    def load_json(self, req: flask.Request, schema: marshmallow.Schema) -> Any:
        return json_object(req)

    def load_querystring(self, req: flask.Request, schema: marshmallow.Schema) -> Any:
        repeated = {name: ["Given more than once."] for name, values in req.args.lists() if len(values) > 1}
        if repeated:
            raise marshmallow.ValidationError(repeated)
        return super().load_querystring(req, schema)


def json_object(request: flask.Request) -> dict[str, Any]:
    """The JSON object in the body. Raises MalformedRequest, PayloadTooLarge or UnsupportedMediaType."""
    _ensure_json(request)
    try:
        value = json.loads(_text(request), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("The body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def ensure_acceptable() -> None:
    """Refuse a request that rules out JSON, on routes that answer in it. Raises NotAcceptable."""
    rule = flask.request.url_rule
    accepted = flask.request.accept_mimetypes
    if rule is not None and getattr(rule, "json", False) and accepted and not accepted["application/json"]:
        raise NotAcceptable


def _ensure_json(request: flask.Request) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType
    ensure_unencoded(request)


def ensure_unencoded(request: Request) -> None:
    """Refuse a compressed body. Raises UnsupportedMediaType."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("A body must be sent without Content-Encoding.")


def _text(request: flask.Request) -> str:
    limit = current_settings().max_json_bytes
    if (request.content_length or 0) > limit:
        raise PayloadTooLarge
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise PayloadTooLarge
    return body.decode("utf-8")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _MOST_MEMBERS:
        raise PayloadTooLarge(f"An object may have {_MOST_MEMBERS} members.")
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
