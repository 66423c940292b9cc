"""Values that a schema takes, a new one each time where two of the same could be in each other's way."""

import re
from itertools import count
from typing import Any

from tests.conformance.operation import Operation

_numbers = count(1)
_PLAIN = {"integer": 1, "number": 1.5, "boolean": True, "null": None}


def body(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    """An object by `schema` with the members that it asks for; of a change, with all that can be changed."""
    members = schema.get("properties", {})
    names = members if operation.method in ("PATCH", "PUT") else schema.get("required", [])
    return {name: value(operation, members[name]) for name in names}


def full_body(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    """An object by `schema` with all members."""
    return {name: value(operation, member) for name, member in schema.get("properties", {}).items()}


def value(operation: Operation, schema: dict[str, Any]) -> Any:
    """A value by `schema`."""
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
    given = str(schema.get("examples", ["text"])[0])
    others = [other for other in (f"{given} {number}", f"{given}-{number}") if _fits(other, schema)]
    return others[0] if others and "format" not in schema else given


def _fits(text: str, schema: dict[str, Any]) -> bool:
    return len(text) <= schema.get("maxLength", len(text)) and re.search(schema.get("pattern", ""), text) is not None
