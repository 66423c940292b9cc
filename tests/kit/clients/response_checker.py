"""Judges answers by the OpenAPI document: every answer that a test gets must be one that clients were told of."""

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from project.http.openapi import api_document
from project.http.openapi.operations import operations

PROBLEM = "application/problem+json"


class Judge:
    """Knows every answer of the operations of an application."""

    def __init__(self, app: Flask) -> None:
        self._document = api_document(app)
        self._urls = app.url_map.bind("")
        found = operations(self._document, app)
        self._operations = {(one.rule.endpoint, one.method): one.described for one in found}
        self._validators: dict[int, Any] = {}

    def judge(self, answer: TestResponse) -> None:
        """Raises AssertionError when `answer` is not in the document."""
        operation = self._operation(answer)
        if operation is None:
            assert answer.status_code < 400 or answer.mimetype == PROBLEM, f"{_name(answer)}: not a problem"
            return
        described = operation["responses"].get(str(answer.status_code))
        assert described is not None, f"{_name(answer)}: a status that is not in the document"
        content = described.get("content", {})
        if answer.data:
            assert "*/*" in content or answer.mimetype in content, f"{_name(answer)}: {answer.mimetype}"
        if answer.data and answer.mimetype.endswith("json"):
            faults = self.faults(content[answer.mimetype]["schema"], answer.get_json(force=True))
            assert not faults, f"{_name(answer)}: {'; '.join(faults)}"

    def faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with `value` by `schema`, a part of the document."""
        validator = self._validators.get(id(schema))
        if validator is None:
            rooted = {**schema, "components": self._document["components"]}
            validator = self._validators[id(schema)] = jsonschema_rs.Draft202012Validator(rooted)
        return [f"{'/'.join(map(str, fault.instance_path))}: {fault.message}" for fault in validator.iter_errors(value)]

    def _operation(self, answer: TestResponse) -> dict[str, Any] | None:
        request = answer.request
        try:
            endpoint, _values = self._urls.match(request.path, method=request.method)
        except HTTPException:
            return None
        return self._operations.get((endpoint, request.method.replace("HEAD", "GET")))


def judge_of(app: Flask) -> Judge:
    """The judge of `app`; applications with the same views have the same."""
    return _judge(_Views(app))


@cache
def _judge(views: "_Views") -> Judge:
    return Judge(views.app)


class _Views:
    def __init__(self, app: Flask) -> None:
        self.app = app
        self._names = frozenset(app.view_functions)

    def __hash__(self) -> int:
        return hash(self._names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Views) and other._names == self._names


def _name(answer: TestResponse) -> str:
    return f"{answer.request.method} {answer.request.path} → {answer.status_code} {answer.get_data(as_text=True)[:500]}"
