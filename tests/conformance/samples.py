"""Sample values for schemas. Where possible, each call returns a different text to avoid duplicate values."""

import re
from itertools import count
from typing import Any

from tests.conformance.operation import Operation

_numbers = count(1)
_PLAIN = {"integer": 1, "number": 1.5, "boolean": True, "null": None}


def body(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    """Return an object that matches `schema`: only its required members, or all members for an update."""
    members = schema.get("properties", {})
    names = members if operation.method in ("PATCH", "PUT") else schema.get("required", [])
    return {name: value(operation, members[name]) for name in names}


def full_body(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    """Return an object that matches `schema`, with all members."""
    return {name: value(operation, member) for name, member in schema.get("properties", {}).items()}


def value(operation: Operation, schema: dict[str, Any]) -> Any:
    """Return a value that matches `schema`."""
    schema = operation.resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if kinds[0] == "object":
        return full_body(operation, schema)
    if kinds[0] == "array":
        return [value(operation, schema["items"])]
    return _text(schema) if kinds[0] == "string" else schema.get("minimum", _PLAIN[kinds[0]])


def _text(schema: dict[str, Any]) -> str:
    number = next(_numbers)
    if schema.get("format") == "email":
        return f"sample{number}@example.com"
    example = str(schema.get("examples", ["text"])[0])
    numbered = [text for text in (f"{example} {number}", f"{example}-{number}") if _is_valid(text, schema)]
    return numbered[0] if numbered and "format" not in schema else example


def _is_valid(text: str, schema: dict[str, Any]) -> bool:
    return len(text) <= schema.get("maxLength", len(text)) and re.search(schema.get("pattern", ""), text) is not None
