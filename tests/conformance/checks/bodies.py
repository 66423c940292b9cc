"""JSON bodies: what is refused, and changes nothing."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from werkzeug.test import TestResponse

from tests.conformance import samples
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import pointers, problem

JSON = "application/json"
LIMIT = 1_000_000
UNREADABLE = [
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
OTHER_TYPES = [
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
WAYS_TO_SAY_JSON = [JSON, "application/json; charset=utf-8", 'APPLICATION/JSON; charset="UTF-8"']
UNKNOWN = ["unknown", "id", "Email", "__class__", "", "a/b", "\u0000", "\ud800", "_schema"]
UNSTORABLE = ["\u0000", "a\u0000b", "\ud800", "a\udfffb"]
LONG = ["x" * 900_000, "\u0301\u0316" * 75_000, "a." * 400_000 + "@example.com", "a-" * 400_000]
WRONG_TYPES: dict[str, list[Any]] = {
    "string": [1, 1.9, True, [], {}, ["x"], 2**31, 2**63],
    "integer": ["1", 1.9, True, 2**31, 2**63, [], {}],
    "number": ["1", True, [], {}],
    "boolean": ["yes", "true", 1, 0, [], {}],
}


def _takes_json(operation: Operation) -> bool:
    return operation.body_schema is not None


@check(_takes_json)
def unreadable_bodies_are_malformed(operation: Operation, world: World) -> None:
    case = _quick_case(operation, world)
    for body in UNREADABLE:
        assert problem(_send(operation, world, case, body), 400, "malformed-request"), body[:24]


@check(lambda operation: _takes_json(operation) or operation.takes_form)
def bodies_that_are_cut_off_are_malformed(operation: Operation, world: World) -> None:
    case = world.case(operation)
    whole = case.form[0] if case.form else json.dumps(case.body).encode()
    content_type = case.form[1] if case.form else JSON
    cut = {"environ_overrides": {"CONTENT_LENGTH": str(len(whole) + 10)}}
    answer = world.send(operation, case, data=whole, content_type=content_type, **cut)
    problem(answer, 400, "malformed-request")


@check(lambda operation: _takes_json(operation) or operation.takes_form)
def other_types_are_unsupported(operation: Operation, world: World) -> None:
    case = _quick_case(operation, world)
    for content_type in OTHER_TYPES:
        if not (operation.takes_form and "multipart" in (content_type or "")):
            answer = _send(operation, world, case, b'{"name": "x"}', content_type)
            assert problem(answer, 415, "unsupported-media-type"), content_type
    content_type = case.form[1] if case.form else JSON
    for encoding in ("gzip", "br", "deflate", "identity, gzip", "x"):
        answer = _send(operation, world, case, b"{}", content_type, {"Content-Encoding": encoding})
        assert problem(answer, 415, "unsupported-media-type"), encoding


@check(_takes_json)
def ways_to_say_json_are_taken(operation: Operation, world: World) -> None:
    case = _quick_case(operation, world)
    for content_type in WAYS_TO_SAY_JSON:
        answer = _send(operation, world, case, b'{"unknown": 1}', content_type, {"Content-Encoding": "identity"})
        assert problem(answer, 422, "validation-failed"), content_type


@check(_takes_json)
def bodies_have_a_largest_size(operation: Operation, world: World) -> None:
    case = _quick_case(operation, world)
    problem(_send(operation, world, case, b" " * (LIMIT + 1)), 413, "payload-too-large")
    largest = b'{"unknown": "' + b"x" * (LIMIT - 15) + b'"}'
    problem(_send(operation, world, case, largest), 422, "validation-failed")
    for number in (1_001, 80_000):
        members = {str(index): 1 for index in range(number)}
        for body in (members, {"nested": [members]}):
            problem(_send(operation, world, case, json.dumps(body)), 413, "payload-too-large")


@check(_takes_json)
def unknown_members_are_refused(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for name in UNKNOWN:
        if name not in _members(operation):
            answer = _send(operation, world, case, json.dumps({**(case.body or {}), name: "x"}))
            assert problem(answer, 422, "validation-failed"), name


@check(_takes_json)
def missing_members_are_named(operation: Operation, world: World) -> None:
    schema, case = operation.body_schema or {}, _quick_case(operation, world)
    if schema.get("required"):
        body = problem(_send(operation, world, case, b"{}"), 422, "validation-failed")
        assert pointers(body) == {("body", f"/{name}") for name in schema["required"]}


@check(_takes_json)
def text_that_no_column_holds_is_refused(operation: Operation, world: World) -> None:
    for poison in UNSTORABLE:
        for name, schema, answer in _poisoned(operation, world, poison, "string"):
            assert 400 <= answer.status_code < 500, name
            is_secret = schema.get("format") == "password" or ("pattern" not in schema and "token" in name)
            if not is_secret or "\u0000" not in poison:
                assert ("body", f"/{name}") in pointers(problem(answer, 422, "validation-failed")), name


@check(_takes_json)
def no_type_is_guessed(operation: Operation, world: World) -> None:
    for kind, values in WRONG_TYPES.items():
        for value in values:
            for name, _schema, answer in _poisoned(operation, world, value, kind):
                assert ("body", f"/{name}") in pointers(problem(answer, 422, "validation-failed")), (name, value)


@check(_takes_json)
def very_long_text_is_refused_fast(operation: Operation, world: World) -> None:
    for text in LONG:
        began = time.process_time()
        answers = list(_poisoned(operation, world, text, "string"))
        assert (time.process_time() - began) / max(1, len(answers)) < 0.2
        for name, _schema, answer in answers:
            assert ("body", f"/{name}") in pointers(problem(answer, 422, "validation-failed")), name


def _quick_case(operation: Operation, world: World) -> Case:
    """Someone who may, on a thing that there is; the body is replaced."""
    return replace(world.plain(operation), actor=world.actor(operation.rule.access))


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


def _poisoned(
    operation: Operation, world: World, value: Any, kind: str
) -> Iterator[tuple[str, dict[str, Any], TestResponse]]:
    """Name, schema and answer for each member of that type, set to `value`."""
    case = _quick_case(operation, world)
    body = samples.full_body(operation, operation.body_schema or {})
    for name, schema in _members(operation).items():
        if kind in schema.get("type", ()):
            yield name, schema, _send(operation, world, case, json.dumps({**body, name: value}))
