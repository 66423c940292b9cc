"""JSON bodies: invalid bodies are rejected before they have any effect."""

import json
import time
from collections.abc import Iterator
from typing import Any

from werkzeug.test import TestResponse

from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import pointers, problem

JSON = "application/json"
MAX_BYTES = 1_000_000
UNPARSEABLE = [
    b"",
    b" ",
    b"{",
    b'{"name": "x"',
    b'{"name": "x"} {}',
    b"{'name': 'x'}",
    b'{"name": "x",}',
    b'{"name": "a\nb"}',
    b"[]",
    b'"x"',
    b"null",
    b"1",
    b"true",
    b'{"name": "\xff"}',
    b'{"name": "\xed\xa0\x80"}',
    '{"name": "x"}'.encode("utf-16"),
    '{"name": "x"}'.encode("utf-16-le"),
    '{"name": "x"}'.encode("utf-32"),
    b'\xef\xbb\xbf{"name": "x"}',
    b'{"name": "x", "name": "y"}',
    b'{"x": {"y": 1, "y": 2}}',
    b'{"name": NaN}',
    b'{"name": Infinity}',
    b'{"name": -Infinity}',
    b'{"name": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
]
OTHER_MEDIA_TYPES = [
    None,
    "",
    "text/plain",
    "text/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/problem+json",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-16",
    "application/json, text/plain",
]
JSON_MEDIA_TYPES = [JSON, "application/json; charset=utf-8", 'APPLICATION/JSON; charset="UTF-8"']
UNKNOWN_MEMBERS = ["unknown", "id", "Email", "__class__", "", "a/b", "\u0000", "\ud800", "_schema"]
# PostgreSQL cannot store NUL characters, and lone surrogates cannot be encoded in UTF-8.
UNSTORABLE_TEXTS = ["\u0000", "a\u0000b", "\ud800", "a\udfffb"]
LONG_TEXTS = ["x" * 900_000, "\u0301\u0316" * 75_000, "a." * 400_000 + "@example.com", "a-" * 400_000]
WRONG_TYPES: dict[str, list[Any]] = {
    "string": [1, 1.9, True, [], {}, ["x"], 2**31, 2**63],
    "integer": ["1", 1.9, True, 2**31, 2**63, [], {}],
    "number": ["1", True, [], {}],
    "boolean": ["yes", "true", 1, 0, [], {}],
}


def _accepts_json(operation: Operation) -> bool:
    return operation.body_schema is not None


@check(_accepts_json)
def unparseable_bodies_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for body in UNPARSEABLE:
        assert problem(_send(operation, world, case, body), 400, "malformed-request"), body[:24]


@check(lambda operation: _accepts_json(operation) or operation.accepts_form)
def truncated_bodies_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    body = case.form[0] if case.form else json.dumps(case.body).encode()
    content_type = case.form[1] if case.form else JSON
    overrides = {"environ_overrides": {"CONTENT_LENGTH": str(len(body) + 10)}}
    response = world.send(operation, case, data=body, content_type=content_type, **overrides)
    problem(response, 400, "malformed-request")


@check(lambda operation: _accepts_json(operation) or operation.accepts_form)
def unsupported_media_types_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for content_type in OTHER_MEDIA_TYPES:
        if not (operation.accepts_form and "multipart" in (content_type or "")):
            response = _send(operation, world, case, b'{"name": "x"}', content_type)
            assert problem(response, 415, "unsupported-media-type"), content_type
    content_type = case.form[1] if case.form else JSON
    for encoding in ("gzip", "br", "deflate", "identity, gzip", "x"):
        response = _send(operation, world, case, b"{}", content_type, {"Content-Encoding": encoding})
        assert problem(response, 415, "unsupported-media-type"), encoding


@check(_accepts_json)
def every_spelling_of_the_json_media_type_is_accepted(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for content_type in JSON_MEDIA_TYPES:
        # 422 shows that the body was parsed.
        response = _send(operation, world, case, b'{"unknown": 1}', content_type, {"Content-Encoding": "identity"})
        assert problem(response, 422, "validation-failed"), content_type


@check(_accepts_json)
def body_size_is_limited(operation: Operation, world: World) -> None:
    case = world.case(operation)
    problem(_send(operation, world, case, b" " * (MAX_BYTES + 1)), 413, "payload-too-large")
    largest = b'{"unknown": "' + b"x" * (MAX_BYTES - 15) + b'"}'
    problem(_send(operation, world, case, largest), 422, "validation-failed")
    for number in (1_001, 80_000):
        members = {str(index): 1 for index in range(number)}
        for body in (members, {"nested": [members]}):
            problem(_send(operation, world, case, json.dumps(body)), 413, "payload-too-large")


@check(_accepts_json)
def unknown_members_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for name in UNKNOWN_MEMBERS:
        if name not in _members(operation):
            response = _send(operation, world, case, json.dumps({**(case.body or {}), name: "x"}))
            assert problem(response, 422, "validation-failed"), name


@check(_accepts_json)
def missing_members_are_reported(operation: Operation, world: World) -> None:
    schema, case = operation.body_schema or {}, world.case(operation)
    if schema.get("required"):
        body = problem(_send(operation, world, case, b"{}"), 422, "validation-failed")
        assert pointers(body) == {("body", f"/{name}") for name in schema["required"]}


@check(lambda operation: _accepts_json(operation) and operation.method == "PATCH")
def empty_updates_are_rejected(operation: Operation, world: World) -> None:
    response = _send(operation, world, world.case(operation), b"{}")
    assert problem(response, 422, "validation-failed"), "the schema of a partial update must be an `Update`"
    assert {"required", "minProperties"} & set(operation.body_schema or {}), "the documented schema must also reject it"


@check(_accepts_json)
def unstorable_text_is_rejected(operation: Operation, world: World) -> None:
    case = world.full_case(operation)
    for text, name, response in _send_with_each(operation, world, case, UNSTORABLE_TEXTS, "string"):
        assert 400 <= response.status_code < 500, (
            f"{name} must reject unstorable text: use a field type from project/http/fields.py"
        )
        # Passwords are hashed and tokens verified; neither is stored, so NUL characters in them are harmless.
        schema = _members(operation)[name]
        is_secret = schema.get("format") == "password" or ("pattern" not in schema and "token" in name)
        if not is_secret or "\u0000" not in text:
            assert ("body", f"/{name}") in pointers(problem(response, 422, "validation-failed")), name


@check(_accepts_json)
def values_of_the_wrong_type_are_rejected(operation: Operation, world: World) -> None:
    case = world.full_case(operation)
    for kind, values in WRONG_TYPES.items():
        for value, name, response in _send_with_each(operation, world, case, values, kind):
            assert ("body", f"/{name}") in pointers(problem(response, 422, "validation-failed")), (name, value)


@check(_accepts_json)
def very_long_text_is_rejected_quickly(operation: Operation, world: World) -> None:
    case = world.full_case(operation)
    for text in LONG_TEXTS:
        began = time.process_time()
        responses = list(_send_with_each(operation, world, case, [text], "string"))
        assert (time.process_time() - began) / max(1, len(responses)) < 0.2, (
            "requests with very long text take too long: check the length first"
        )
        for _text, name, response in responses:
            assert ("body", f"/{name}") in pointers(problem(response, 422, "validation-failed")), name


def _send(
    operation: Operation,
    world: World,
    case: Case,
    body: bytes | str,
    content_type: str | None = JSON,
    headers: dict[str, str] | None = None,
) -> TestResponse:
    return world.send(operation, case, data=body, content_type=content_type, headers=headers or {})


def _members(operation: Operation) -> dict[str, dict[str, Any]]:
    members = (operation.body_schema or {}).get("properties", {})
    return {name: operation.resolved(schema) for name, schema in members.items()}


def _send_with_each(
    operation: Operation, world: World, case: Case, values: list[Any], kind: str
) -> Iterator[tuple[Any, str, TestResponse]]:
    """Send one request for each of `values` and each member of type `kind`, with that member set to the value.

    Yields the value, the member's name and the response.
    """
    for name, schema in _members(operation).items():
        for value in values if kind in schema.get("type", ()) else ():
            yield value, name, _send(operation, world, case, json.dumps({**(case.body or {}), name: value}))
