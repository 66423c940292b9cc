"""JSON bodies: every route that the API document lists refuses every bad one, and nothing has changed."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from project.infrastructure.columns import Base
from project.infrastructure.database import read
from tests.kit.api import Api, pointers, problem

JSON = "application/json"
LIMIT = 1_000_000
SECRETS = {"password", "token", "refresh_token"}
UNKNOWN = ["unknown", "id", "Email", "__class__", "", "a/b", "\u0000", "\ud800", "_schema"]
WRONG_TYPES: dict[str, list[Any]] = {
    "string": [1, 1.9, True, [], {}, ["x"], 2**31, 2**63],
    "integer": ["1", 1.9, True, 2**31, 2**63, [], {}],
    "number": ["1", True, [], {}],
    "boolean": ["yes", "true", 1, 0, [], {}],
}


class Routes:
    """Every operation that takes JSON, and a body that each would take."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._document = api.get("/openapi.json").json
        self._parameters = {"organization_id": api.organization()["id"]}
        self.schemas = dict(self._json_operations())

    def send(self, data: Any, content_type: str | None = JSON, **headers: str) -> dict[str, TestResponse]:
        """The answer of each route to the same body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return {route: self.post(route, data, content_type, **named) for route in self.schemas}

    def post(self, route: str, data: Any, content_type: str | None = JSON, **headers: str) -> TestResponse:
        method, path = route.format(**self._parameters).split(" ")
        headers = {"Authorization": f"Bearer {self._api.tokens['access_token']}", **headers}
        return self._api.client.open(path, method=method, data=data, content_type=content_type, headers=headers)

    def poisoned(self, value: Any, only: str | None = None) -> Iterator[tuple[str, str, TestResponse]]:
        """Route, member and answer, for each member of each body that is of type `only`, set to `value`."""
        for route, members in self.schemas.items():
            for name, schema in members.items():
                if only is None or only in schema["type"]:
                    body = {**self.valid(route), name: value}
                    yield route, name, self.post(route, json.dumps(body))

    def valid(self, route: str) -> dict[str, Any]:
        return {name: _example(schema) for name, schema in self.schemas[route].items()}

    def _json_operations(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for path, operations in self._document["paths"].items():
            for method in {"post", "put", "patch", "delete"} & set(operations):
                content = operations[method].get("requestBody", {}).get("content", {})
                if JSON in content:
                    name = content[JSON]["schema"]["$ref"].rsplit("/", 1)[-1]
                    yield f"{method.upper()} {path}", self._document["components"]["schemas"][name]["properties"]


def _example(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    return {"email": "eve@example.com"}.get(schema.get("format", ""), "seven-unlikely-herons")


def _statuses(answers: dict[str, TestResponse], status: int, code: str) -> None:
    """Each answer must be this problem."""
    assert answers
    found = {route: (answer.status_code, answer.get_json(force=True).get("code")) for route, answer in answers.items()}
    assert found == dict.fromkeys(answers, (status, code))


@pytest.fixture(scope="module")
def routes(ada: Api) -> Routes:
    return Routes(ada)


@pytest.fixture(autouse=True)
def _changes_nothing(shared_app: Flask, routes: Routes) -> Iterator[None]:
    before = _rows(shared_app)
    yield
    assert _rows(shared_app) == before


def _rows(app: Flask) -> dict[str, int]:
    with app.app_context(), read() as connection:
        tables = Base.metadata.sorted_tables
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_document_lists_the_routes_that_take_json(routes: Routes) -> None:
    assert {"POST /api/v1/auth/register", "POST /api/v1/invitations/accept"} <= set(routes.schemas)
    assert len(routes.schemas) >= 8


@pytest.mark.parametrize(
    "body",
    [
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
    ],
    ids=lambda body: repr(body[:24]),
)
def test_body_that_cannot_be_read_is_malformed(routes: Routes, body: bytes) -> None:
    _statuses(routes.send(body), 400, "malformed-request")


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9223372036854775808", "2147483648", "1.9"])
def test_number_that_no_column_holds_is_refused(routes: Routes, number: str) -> None:
    _statuses(routes.send(f'{{"email": {number}, "token": {number}, "name": {number}}}'), 422, "validation-failed")


@pytest.mark.parametrize(
    "content_type",
    [
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
    ],
)
def test_body_of_another_type_is_unsupported(routes: Routes, content_type: str | None) -> None:
    _statuses(routes.send(b'{"name": "x"}', content_type), 415, "unsupported-media-type")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_compressed_body_is_unsupported(routes: Routes, encoding: str) -> None:
    _statuses(routes.send(b'{"name": "x"}', Content_Encoding=encoding), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", 'APPLICATION/JSON; charset="UTF-8"', "application/json;charset=utf8"],
)
def test_ways_to_say_json_in_utf8_are_taken(routes: Routes, content_type: str) -> None:
    _statuses(routes.send(b'{"unknown": 1}', content_type, Content_Encoding="identity"), 422, "validation-failed")


def test_body_one_byte_over_the_limit_is_too_large(routes: Routes) -> None:
    _statuses(routes.send(b" " * (LIMIT + 1)), 413, "payload-too-large")


def test_body_of_the_largest_size_is_read(routes: Routes) -> None:
    _statuses(routes.send(b'{"unknown": "' + b"x" * (LIMIT - 15) + b'"}'), 422, "validation-failed")


@pytest.mark.parametrize("number", [1_001, 80_000, 100_000])
def test_body_of_many_members_is_too_large(routes: Routes, number: int) -> None:
    members = {str(index): 1 for index in range(number)}
    for body in (members, {"nested": [members]}):
        _statuses(routes.send(json.dumps(body)), 413, "payload-too-large")


@pytest.mark.parametrize("name", UNKNOWN, ids=ascii)
def test_unknown_member_is_refused(routes: Routes, name: str) -> None:
    for route in routes.schemas:
        answer = routes.post(route, json.dumps({**routes.valid(route), name: "x"}))
        problem(answer, 422, "validation-failed")


@pytest.mark.parametrize("poison", ["\u0000", "a\u0000b", "\ud800", "a\udfffb"], ids=ascii)
def test_text_that_the_database_cannot_hold_is_refused(routes: Routes, poison: str) -> None:
    for route, name, answer in routes.poisoned(poison, "string"):
        assert 400 <= answer.status_code < 500, (route, name)
        if name not in SECRETS or "\u0000" not in poison:
            assert ("body", f"/{name}") in pointers(problem(answer, 422, "validation-failed")), route


@pytest.mark.parametrize("kind", WRONG_TYPES)
def test_no_type_is_guessed(routes: Routes, kind: str) -> None:
    for value in WRONG_TYPES[kind]:
        for route, name, answer in routes.poisoned(value, kind):
            assert ("body", f"/{name}") in pointers(problem(answer, 422, "validation-failed")), (route, value)


def test_missing_members_are_named(routes: Routes) -> None:
    for route, answer in routes.send(b"{}").items():
        assert pointers(problem(answer, 422, "validation-failed")), route


@pytest.mark.parametrize(
    "text",
    ["x" * 900_000, "\u0301\u0316" * 75_000, "a." * 400_000 + "@example.com", "a-" * 400_000],
    ids=["letters", "combining marks", "address", "slug"],
)
def test_very_long_text_is_refused_fast(routes: Routes, text: str) -> None:
    began = time.process_time()
    answers = list(routes.poisoned(text, "string"))
    assert (time.process_time() - began) / len(answers) < 0.2
    for route, name, answer in answers:
        assert ("body", f"/{name}") in pointers(problem(answer, 422, "validation-failed")), route


def test_accept_header_that_rules_out_json_is_refused_everywhere(routes: Routes) -> None:
    _statuses(routes.send(b"{}", Accept="text/xml"), 406, "not-acceptable")
