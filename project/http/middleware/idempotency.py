"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): a retried `POST` has one effect and one response.

This applies to every `POST` that is not exempt; routes do not have to opt in. Effects, jobs and the rendered response
are committed in one transaction, so a crash leaves all of them or none. Error responses are not stored.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, g, json, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from project.config import current_settings
from project.errors import BadRequest, Unprocessable
from project.http.requests.json_body import canonical_body
from project.http.routing.rule import current_rule
from project.infrastructure import idempotency_records, signing
from project.infrastructure.database import transaction

_PURPOSE = "idempotency-key"
# A bare key must not contain a comma: proxies join repeated headers with commas.
_BARE = re.compile(r"[ !#-+\--~]+")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_MAX_KEY_LENGTH = 255
_HEADERS_NOT_STORED = {"Content-Length", "Set-Cookie"}


class IdempotencyKeyInvalid(BadRequest):
    """The `Idempotency-Key` is empty, too long, sent more than once, or contains invalid characters."""

    code = "idempotency-key-invalid"
    title = "Idempotency key invalid"
    remedy = "Send one key of 1 to 255 ASCII characters, such as a UUID, with or without quotes."


class IdempotencyKeyReused(Unprocessable):
    """This idempotency key was already used with a different request."""

    code = "idempotency-key-reused"
    title = "Idempotency key reused"
    remedy = "Use a new key for each new request, and retry a request only with an identical body."


def dispatch(view: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
    """Run `view` and return its response, or return the stored response if the idempotency key was used before.

    Raises IdempotencyKeyInvalid, IdempotencyKeyReused, IdempotencyKeyInUse.
    """
    rule = current_rule()
    if request.method != "POST" or rule is None or not rule.is_keyed:
        return view()
    g.idempotency_key = _presented_key()
    if g.idempotency_key is None or rule.handles_idempotency:
        return view()
    return run_once(canonical_body(request), lambda: current_app.make_response(view()))


def run_once(content: bytes, view: Callable[[], Response]) -> Response:
    """Run `view` once per idempotency key: store its response, or return the stored one.

    `content` represents the body when two requests are compared. Without a key, `view` simply runs.
    Raises IdempotencyKeyReused, IdempotencyKeyInUse.
    """
    key = g.idempotency_key
    if key is None:
        return view()
    fingerprints = signing.macs(_PURPOSE, _fingerprint_input(content))
    digest, *older = [_digest(key, fingerprint) for fingerprint in fingerprints]
    seconds = current_settings().idempotency_key_ttl_seconds
    with transaction():
        # Look up the digests made with older secret keys first: the response may predate a rotation of SECRET_KEY.
        record = idempotency_records.find_record(set(older) - {digest}) or idempotency_records.claim_key(
            digest, fingerprints[0], seconds=seconds
        )
        if record is None:
            return _store(digest, view())
    if record.fingerprint not in fingerprints:
        raise IdempotencyKeyReused
    return _replay(record)


def _fingerprint_input(content: bytes) -> bytes:
    """Return everything that two requests must have in common to count as the same request."""
    head = [request.method, request.full_path, request.mimetype, request.headers.get("Content-Encoding")]
    return json.dumps(head).encode() + hashlib.sha256(content).digest()


def _presented_key() -> str | None:
    headers = request.headers.getlist("Idempotency-Key")
    if not headers:
        return None
    value = headers[0].strip(" \t")
    quoted = _QUOTED.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    is_well_formed = quoted or _BARE.fullmatch(value)
    if len(headers) > 1 or not is_well_formed or not 1 <= len(key) <= _MAX_KEY_LENGTH:
        raise IdempotencyKeyInvalid
    return key


def _digest(key: str, fingerprint: bytes) -> bytes:
    """Return the id of the stored response: a digest of caller, route and idempotency key.

    On public routes, the caller is unknown, so the fingerprint of the request is used instead.
    """
    principal = g.get("principal")
    caller = fingerprint.hex() if principal is None else str(principal.user_id)
    return hashlib.sha256(json.dumps([caller, request.endpoint, key]).encode()).digest()


def _store(digest: bytes, response: Response) -> Response:
    if response.status_code >= 400:
        # Raise the response, so that the transaction is rolled back.
        raise HTTPException(response=response)
    names = set(response.headers.keys()) - _HEADERS_NOT_STORED
    headers = {name: response.headers.getlist(name) for name in names}
    idempotency_records.store_response(digest, response.status_code, headers, response.get_data())
    return response


def _replay(record: Any) -> Response:
    response = current_app.response_class(record.body, record.status, record.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response
