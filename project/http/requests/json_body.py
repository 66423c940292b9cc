"""Parses JSON bodies and query parameters strictly (RFC 8259, no duplicate members)."""

import json
from typing import Any, NoReturn

import flask
import marshmallow
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import NotAcceptable
from werkzeug.wrappers import Request

from project.config import current_settings
from project.http.responses.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType, validation_failed
from project.http.routing.rule import current_rule

_MAX_MEMBERS = 1000


class StrictParser(FlaskParser):
    """A webargs parser that rejects unknown members, repeated query parameters, and media types other than JSON.

    By default, webargs accepts all of these, and ignores or guesses values.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012
        "json": marshmallow.RAISE,
        "query": marshmallow.RAISE,
        "headers": marshmallow.EXCLUDE,
    }

    def load_json(self, req: flask.Request, schema: marshmallow.Schema) -> Any:
        return json_object(req)

    def load_querystring(self, req: flask.Request, schema: marshmallow.Schema) -> Any:
        repeated = {name: ["Given more than once."] for name, values in req.args.lists() if len(values) > 1}
        if repeated:
            raise marshmallow.ValidationError(repeated)
        return super().load_querystring(req, schema)


def json_object(request: flask.Request) -> dict[str, Any]:
    """Return the JSON object in the body. Raises MalformedRequest, PayloadTooLarge, UnsupportedMediaType."""
    _ensure_json(request)
    try:
        value = _parse(_read_body(request))
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("The body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def canonical_body(request: flask.Request) -> bytes:
    """Return the body in canonical form: equal JSON yields equal bytes, regardless of whitespace and member order.

    A body that is not JSON is returned unchanged. Raises PayloadTooLarge.
    """
    body = _read_body(request)
    try:
        return json.dumps(_parse(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body


def can_reread_body() -> bool:
    """Return whether the view can run again: the body has not been read yet, or it was read and kept in memory."""
    return "body" in flask.g or "stream" not in vars(flask.request)


def check_accept_and_query() -> None:
    """Raise NotAcceptable if the route returns JSON and `Accept` excludes it.

    Raises ValidationFailed if the request has query parameters and the route accepts none.
    """
    rule, request = current_rule(), flask.request
    if rule is None:
        return
    if rule.json and request.accept_mimetypes and not request.accept_mimetypes["application/json"]:
        raise NotAcceptable
    if request.args and not rule.takes_query:
        raise validation_failed({"query": {name: ["Unknown parameter."] for name in request.args}})


def _ensure_json(request: flask.Request) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType
    ensure_unencoded(request)


def ensure_unencoded(request: Request) -> None:
    """Raise UnsupportedMediaType if the body has a `Content-Encoding`, such as gzip."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("The body must not have a `Content-Encoding`.")


def _read_body(request: flask.Request) -> bytes:
    """Return the body. Reads the stream once and keeps the bytes for later calls."""
    if "body" not in flask.g:
        limit = current_settings().max_json_bytes
        if (request.content_length or 0) > limit:
            raise PayloadTooLarge
        flask.g.body = request.stream.read(limit + 1)
    body: bytes = flask.g.body
    if len(body) > current_settings().max_json_bytes:
        raise PayloadTooLarge
    return body


def _parse(body: bytes) -> Any:
    return json.loads(body.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_reject_constant)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _MAX_MEMBERS:
        raise PayloadTooLarge(f"An object may have at most {_MAX_MEMBERS} members.")
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate member")
    return members


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)
