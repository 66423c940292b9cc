"""The operations of the OpenAPI document, with the features derived from their URL rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from project.http.routing.rule import ContractRule

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CHANGING = ("PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Operation:
    """One method of one path: the rule that serves it, and the Operation Object that describes it."""

    method: str
    rule: ContractRule
    described: dict[str, Any]

    @property
    def is_keyed(self) -> bool:
        """Whether the operation accepts an `Idempotency-Key`."""
        return self.method == "POST" and self.rule.is_keyed

    @property
    def is_conditional(self) -> bool:
        """Whether the operation accepts `If-Match`."""
        return self.method in _CHANGING and "if-match" not in self.rule.exempt

    @property
    def is_listing(self) -> bool:
        """Whether the operation returns a page of a listing."""
        return any(parameter.get("name") == "cursor" for parameter in self.described.get("parameters", ()))

    @property
    def is_versioned(self) -> bool:
        """Whether the operation returns a single resource with an `ETag`."""
        returns_a_resource = self.method in ("GET", "PUT", "PATCH") and self.rule.json and not self.is_listing
        return returns_a_resource and "etag" not in self.rule.exempt

    @property
    def serves_content(self) -> bool:
        """Whether the operation returns bytes and supports conditional and range requests."""
        return self.method == "GET" and not self.rule.json


def operations(document: dict[str, Any], app: Flask) -> Iterator[Operation]:
    """Yield every operation in `document`, the OpenAPI document of `app`."""
    for rule in app.url_map.iter_rules():
        if isinstance(rule, ContractRule):
            path = document["paths"].get(rule.template, {})
            for method in METHODS:
                if method in (rule.methods or ()) and method.lower() in path:
                    yield Operation(method, rule, path[method.lower()])
