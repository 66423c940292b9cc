"""Completes the schemas of the OpenAPI document with length limits and an example for each body."""

from collections.abc import Iterator
from typing import Any

_MAX_LENGTHS = {"uuid": 36, "date-time": 32, "date": 10, "email": 254, "uri": 2000}
_EXAMPLES: dict[str, Any] = {
    "uuid": "01a1e2c4-7f3a-7c11-9d0e-3f5b8a6c2d41",
    "date-time": "2027-01-31T12:00:00.000000Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}
_MAX_INT32 = 2**31 - 1


def complete_schemas(document: dict[str, Any]) -> None:
    """Add `maxLength` to strings with a format, `format` to integers, and an example to each JSON body."""
    for schema in _schemas(document):
        _finish(schema)
    components = document["components"]["schemas"]
    for content in _json_contents(document["paths"]):
        content["example"] = example(content["schema"], components)


def example(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """Return a valid value for `schema`: its own example if it has one, otherwise a generated value."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rpartition("/")[2]], components)
    if "anyOf" in schema:  # a nested object that may be null
        return example(schema["anyOf"][0], components)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    kind = _type(schema)
    if kind == "object":
        return {name: example(part, components) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], components)] if "items" in schema else []
    value = _EXAMPLES.get(schema.get("format", ""), schema.get("minimum", _EXAMPLES[kind]))
    return value.ljust(schema.get("minLength", 0), "x") if isinstance(value, str) else value


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for part in node:
            yield from _schemas(part)
    if isinstance(node, dict):
        if "type" in node and "scheme" not in node:
            yield node
        for part in node.values():
            yield from _schemas(part)


def _finish(schema: dict[str, Any]) -> None:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if schema.get("default", ...) is None:
        del schema["default"]
    if "example" in schema:
        schema["examples"] = [schema.pop("example")]
    if "string" in kinds and "enum" not in schema and schema.get("format") in _MAX_LENGTHS:
        schema.setdefault("maxLength", _MAX_LENGTHS[schema["format"]])
    if "integer" in kinds and "maximum" in schema:
        schema.setdefault("format", "int32" if schema["maximum"] <= _MAX_INT32 else "int64")


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "object")
    return str(kind if isinstance(kind, str) else kind[0])


def _json_contents(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in paths.values():
        for operation in operations.values():
            if isinstance(operation, dict):
                bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
                yield from (
                    body["content"]["application/json"]
                    for body in bodies
                    if "application/json" in body.get("content", ())
                )
