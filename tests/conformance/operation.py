"""The operations of an application, from its live routes and its document."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from project.http.openapi import api_document
from project.http.openapi import operations as platform
from tests.kit.clients.response_checker import PROBLEM


@dataclass(frozen=True)
class Operation(platform.Operation):
    """An operation with its path, and the document that its schemas are in."""

    path: str
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def name(self) -> str:
        """Its `operationId`."""
        return str(self.described["operationId"])

    @property
    def is_public(self) -> bool:
        return self.rule.access.kind == "public"

    @property
    def path_names(self) -> list[str]:
        """The variables in its path, in their order."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def body_schema(self) -> dict[str, Any] | None:
        """What it takes as JSON."""
        content = self.described.get("requestBody", {}).get("content", {})
        return self.resolved(content["application/json"]["schema"]) if "application/json" in content else None

    @property
    def takes_form(self) -> bool:
        return "multipart/form-data" in self.described.get("requestBody", {}).get("content", {})

    @property
    def query(self) -> dict[str, dict[str, Any]]:
        """The schema of each query parameter."""
        return {one["name"]: one["schema"] for one in self.parameters if one["in"] == "query"}

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """Those of the operation and those of its path."""
        of_path = self.document["paths"][self.path].get("parameters", [])
        return [self.resolved(one) for one in [*of_path, *self.described.get("parameters", [])]]

    @property
    def successes(self) -> list[int]:
        """The statuses of its answers that are no refusals."""
        return [int(status) for status in self.described["responses"] if int(status) < 400]

    def problem_codes(self) -> set[str]:
        """The codes of the problems that the document lists."""
        contents = [response.get("content", {}) for response in self.described["responses"].values()]
        problems = [content[PROBLEM]["schema"] for content in contents if PROBLEM in content]
        return {code for schema in problems for code in schema["allOf"][1]["properties"]["code"]["enum"]}

    def answer_schemas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Status and schema of each of its answers in JSON."""
        for status, answer in self.described["responses"].items():
            if "application/json" in answer.get("content", {}):
                yield status, self.resolved(answer["content"]["application/json"]["schema"])

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """`part` itself, or what it refers to."""
        if "$ref" not in part:
            return part
        _hash, _components, kind, name = part["$ref"].split("/")
        found: dict[str, Any] = self.document["components"][kind][name]
        return found


def operations_of(app: Flask) -> list[Operation]:
    """Every operation in the document, by path."""
    document = api_document(app)
    found = platform.operations(document, app)
    return sorted(
        (Operation(one.method, one.rule, one.described, one.rule.template, document) for one in found), key=str
    )
