"""The operations of an application: each route with its description in the OpenAPI document."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from project.cli.compatibility.references import resolve_references
from project.cli.contract import contract_text
from project.http.openapi import api_document
from project.http.openapi import operations as platform
from tests.kit.changes import base_document, changed_blueprints
from tests.kit.clients.response_checker import PROBLEM


@dataclass(frozen=True)
class Operation(platform.Operation):
    """An operation with its path, and with the whole document for resolving the references in its schemas."""

    path: str
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def name(self) -> str:
        """The `operationId`."""
        return str(self.described["operationId"])

    @property
    def contract_file(self) -> str:
        """The file that declares the contract of the operation's blueprint."""
        return f"tests/blueprints/{self.rule.endpoint.partition('.')[0]}/contract.py"

    @property
    def is_public(self) -> bool:
        return self.rule.access.kind == "public"

    @property
    def path_names(self) -> list[str]:
        """The names of the variables in the path, in order."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def id_names(self) -> list[str]:
        """The variables in the path that identify resources, except the organization, which every test has."""
        schemas = {parameter["name"]: parameter["schema"] for parameter in self.parameters}
        return [name for name in self.path_names if name != "organization_id" and "enum" not in schemas[name]]

    @property
    def body_schema(self) -> dict[str, Any] | None:
        """The schema of the JSON request body, or `None` if the operation accepts none."""
        content = self.described.get("requestBody", {}).get("content", {})
        return self.resolved(content["application/json"]["schema"]) if "application/json" in content else None

    @property
    def accepts_form(self) -> bool:
        return "multipart/form-data" in self.described.get("requestBody", {}).get("content", {})

    @property
    def created_path(self) -> str | None:
        """The path at which a `GET` reads the resources that the operation creates, or `None`."""
        creates = self.method == "POST" and "201" in self.described["responses"]
        return self.rule.created_path if creates else None

    @property
    def query(self) -> dict[str, dict[str, Any]]:
        """The schema of each query parameter, by name."""
        return {parameter["name"]: parameter["schema"] for parameter in self.parameters if parameter["in"] == "query"}

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """The path-level and operation-level parameters, with references resolved."""
        path_parameters = self.document["paths"][self.path].get("parameters", [])
        return [self.resolved(parameter) for parameter in [*path_parameters, *self.described.get("parameters", [])]]

    @property
    def successes(self) -> list[int]:
        """The documented status codes below 400."""
        return [int(status) for status in self.described["responses"] if int(status) < 400]

    def problem_codes(self) -> set[str]:
        """Return the documented problem codes."""
        contents = [response.get("content", {}) for response in self.described["responses"].values()]
        problems = [content[PROBLEM]["schema"] for content in contents if PROBLEM in content]
        return {code for schema in problems for code in schema["allOf"][1]["properties"]["code"]["enum"]}

    def response_schemas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return the status and schema of each documented JSON response."""
        for status, response in self.described["responses"].items():
            if "application/json" in response.get("content", {}):
                yield status, self.resolved(response["content"]["application/json"]["schema"])

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """Return `part` or, if it is a reference, the component that it points to."""
        if "$ref" not in part:
            return part
        _hash, _components, kind, name = part["$ref"].split("/")
        found: dict[str, Any] = self.document["components"][kind][name]
        return found


def operations_of(app: Flask) -> list[Operation]:
    """Return every operation in the API document of `app`, sorted by method and path."""
    document = api_document(app)
    found = platform.operations(document, app)
    return sorted(
        (Operation(each.method, each.rule, each.described, each.rule.template, document) for each in found), key=str
    )


def changed_operations(operations: list[Operation]) -> list[Operation]:
    """Return the operations whose description or blueprint differs from the main branch."""
    before = resolve_references(base_document())["paths"]
    after = resolve_references(json.loads(contract_text(operations[0].document)))["paths"]
    blueprints = changed_blueprints()
    return [
        operation
        for operation in operations
        if operation.rule.endpoint.split(".")[0] in blueprints
        or _described(before, operation) != _described(after, operation)
    ]


def _described(paths: dict[str, Any], operation: Operation) -> tuple[Any, Any]:
    path = paths.get(operation.path, {})
    return path.get("parameters"), path.get(operation.method.lower())
