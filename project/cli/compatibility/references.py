"""Resolves references in an OpenAPI document."""

from typing import Any


def resolve_references(document: dict[str, Any]) -> dict[str, Any]:
    """Return `document` with the references under `paths` replaced by their targets.

    A recursive reference is left as it is, since resolving it would never terminate.
    """
    return {**document, "paths": _resolve(document.get("paths", {}), document, ())}


def _resolve(node: Any, document: dict[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_resolve(part, document, within) for part in node]
    if not isinstance(node, dict):
        return node
    target = node.get("$ref")
    if isinstance(target, str) and target not in within:
        siblings = {name: part for name, part in node.items() if name != "$ref"}
        return _resolve({**_target(document, target), **siblings}, document, (*within, target))
    return {name: _resolve(part, document, within) for name, part in node.items()}


def _target(document: dict[str, Any], pointer: str) -> dict[str, Any]:
    """Return the object that a JSON Pointer (RFC 6901) points to."""
    found: Any = document
    for name in pointer.removeprefix("#/").split("/"):
        found = found[name.replace("~1", "/").replace("~0", "~")]
    return dict(found)
