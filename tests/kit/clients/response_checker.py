"""Checks responses against the OpenAPI document: every response that a test receives must be documented."""

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from project.http.openapi import api_document
from project.http.openapi.operations import operations

PROBLEM = "application/problem+json"


class ResponseChecker:
    """Checks the responses of one application."""

    def __init__(self, app: Flask) -> None:
        self._document = api_document(app)
        self._urls = app.url_map.bind("")
        self._operations = {
            (operation.rule.endpoint, operation.method): operation.described
            for operation in operations(self._document, app)
        }
        self._validators: dict[int, Any] = {}

    def check(self, response: TestResponse) -> None:
        """Raise AssertionError unless the document describes this response."""
        operation = self._operation(response)
        if operation is None:
            assert response.status_code < 400 or response.mimetype == PROBLEM, (
                f"{_describe(response)}: not in the problem details format"
            )
            return
        documented = operation["responses"].get(str(response.status_code))
        assert documented is not None, f"{_describe(response)}: undocumented status"
        content = documented.get("content", {})
        if response.data:
            is_documented = "*/*" in content or response.mimetype in content
            assert is_documented, f"{_describe(response)}: undocumented content type {response.mimetype}"
        if response.data and response.mimetype.endswith("json"):
            errors = self.schema_errors(content[response.mimetype]["schema"], response.get_json(force=True))
            assert not errors, f"{_describe(response)}: {'; '.join(errors)}"

    def schema_errors(self, schema: dict[str, Any], value: Any) -> list[str]:
        """Return the validation errors of `value` against `schema`, which must be part of the document."""
        validator = self._validators.get(id(schema))
        if validator is None:
            # References are resolved from the root of the schema, so it must contain the components.
            rooted = {**schema, "components": self._document["components"]}
            validator = self._validators[id(schema)] = jsonschema_rs.Draft202012Validator(rooted)
        return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]

    def _operation(self, response: TestResponse) -> dict[str, Any] | None:
        request = response.request
        try:
            endpoint, _values = self._urls.match(request.path, method=request.method)
        except HTTPException:
            return None
        return self._operations.get((endpoint, request.method.replace("HEAD", "GET")))


def checker_for(app: Flask) -> ResponseChecker:
    """Return the checker for `app`. Applications with the same endpoints share a checker."""
    return _checker(_Views(app))


@cache
def _checker(views: "_Views") -> ResponseChecker:
    return ResponseChecker(views.app)


class _Views:
    """A cache key that is equal for applications with the same endpoints."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._names = frozenset(app.view_functions)

    def __hash__(self) -> int:
        return hash(self._names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Views) and other._names == self._names


def _describe(response: TestResponse) -> str:
    request, body = response.request, response.get_data(as_text=True)[:500]
    return f"{request.method} {request.path} → {response.status_code} {body}"
