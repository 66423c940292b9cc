"""An OpenAPI document with what its references lead to in their place."""

from typing import Any


def expanded(document: dict[str, Any]) -> dict[str, Any]:
    """`document`, its paths without references; only one that leads into itself is left, where it does."""
    return {**document, "paths": _expand(document.get("paths", {}), document, ())}


def _expand(node: Any, document: dict[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_expand(part, document, within) for part in node]
    if not isinstance(node, dict):
        return node
    target = node.get("$ref")
    if isinstance(target, str) and target not in within:
        beside = {name: part for name, part in node.items() if name != "$ref"}
        return _expand({**_found(document, target), **beside}, document, (*within, target))
    return {name: _expand(part, document, within) for name, part in node.items()}


def _found(document: dict[str, Any], target: str) -> dict[str, Any]:
    """What a JSON Pointer (RFC 6901) leads to."""
    found: Any = document
    for name in target.removeprefix("#/").split("/"):
        found = found[name.replace("~1", "/").replace("~0", "~")]
    return dict(found)
