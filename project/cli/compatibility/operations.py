"""Compares two versions of an operation: its id, access, parameters, bodies and responses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from project.cli.compatibility.access import access_changes
from project.cli.compatibility.requests import REQUESTS
from project.cli.compatibility.responses import RESPONSES
from project.cli.compatibility.schemas import Place, compare

Node = dict[str, Any]
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PROBLEM = "application/problem+json"
_PROBLEM_BODY = Place("the problem", "the member `{}`")
_BODY = Place("the request body", "the request member `{}`")


@dataclass(frozen=True)
class Change:
    """An incompatible change to an operation, or to the problem schema that all operations share."""

    sentence: str
    of_problems: bool = False


def operations(document: Node) -> dict[str, Node]:
    """Return the operations of a document, keyed by method and path.

    Each operation includes the parameters of its path and inherits the document's default `security`.
    """
    found = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = {"security": document.get("security"), **item[method]}
                parameters = item.get("parameters", []) + operation.get("parameters", [])
                found[f"{method.upper()} {path}"] = {**operation, "parameters": _by_name(parameters)}
    return found


def operation_changes(old: Node, new: Node | None) -> Iterator[Change]:
    """Yield the incompatible changes to an operation. `new` is `None` if the operation was removed."""
    if new is None:
        yield Change("the operation was removed")
        return
    yield from map(Change, _request_changes(old, new))
    for status, before in old["responses"].items():
        after = new["responses"].get(status)
        if after is None:
            yield Change(f"the {status} response was removed")
        else:
            yield from map(Change, _response_changes(status, before, after))
            yield from (Change(sentence, of_problems=True) for sentence in _problem_schema_changes(before, after))


def _request_changes(old: Node, new: Node) -> Iterator[str]:
    if old.get("operationId") not in (None, new.get("operationId")):
        yield f"the operationId changed from `{old['operationId']}` to `{new.get('operationId')}`"
    yield from access_changes(old, new)
    yield from _parameter_changes(old["parameters"], new["parameters"])
    yield from _body_changes(old.get("requestBody"), new.get("requestBody"))


def _by_name(parameters: list[Node]) -> dict[tuple[str, str], Node]:
    return {(parameter["in"], parameter["name"]): parameter for parameter in parameters}


def _parameter_changes(old: dict[tuple[str, str], Node], new: dict[tuple[str, str], Node]) -> Iterator[str]:
    for key, before in old.items():
        place = Place(f"the parameter `{key[1]}`", f"the member `{{}}` of the parameter `{key[1]}`")
        if key not in new:
            yield f"{place} was removed"
            continue
        after = new[key]
        if after.get("required") and not before.get("required"):
            yield f"{place} is now required"
        if any(after.get(keyword) != before.get(keyword) for keyword in ("style", "explode")):
            yield f"the serialization (`style`, `explode`) of {place} changed"
        yield from compare(before.get("schema", {}), after.get("schema", {}), place, REQUESTS)
    for key, after in new.items():
        if key not in old and after.get("required"):
            yield f"the parameter `{key[1]}` was added and is required"


def _body_changes(old: Node | None, new: Node | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not None:
            yield f"{_BODY} was removed"
        if new is not None and new.get("required"):
            yield f"{_BODY} was added and is required"
        return
    if new.get("required") and not old.get("required"):
        yield f"{_BODY} is now required"
    for media_type, before in old["content"].items():
        after = new["content"].get(media_type)
        if after is None:
            yield f"{_BODY} is no longer accepted as `{media_type}`"
        else:
            yield from compare(before.get("schema", {}), after.get("schema", {}), _BODY, REQUESTS)


def _response_changes(status: str, old: Node, new: Node) -> Iterator[str]:
    yield from _header_changes(status, old.get("headers", {}), new.get("headers", {}))
    place = Place(f"the {status} response", f"the member `{{}}` of the {status} response")
    for media_type, before in old.get("content", {}).items():
        after = new.get("content", {}).get(media_type)
        if after is None:
            yield f"{place} is no longer available as `{media_type}`"
        elif media_type == _PROBLEM:
            removed = [code for code in _codes(before) if code not in _codes(after)]
            yield from (f"{place} no longer has the problem code `{code}`" for code in removed)
        else:
            yield from compare(before.get("schema", {}), after.get("schema", {}), place, RESPONSES)


def _header_changes(status: str, old: Node, new: Node) -> Iterator[str]:
    for name, before in old.items():
        whole = f"the header `{name}` of the {status} response"
        if name not in new:
            yield f"{whole} was removed"
            continue
        if before.get("required") and not new[name].get("required"):
            yield f"{whole} may now be absent"
        place = Place(whole, f"the member `{{}}` of {whole}")
        yield from compare(before.get("schema", {}), new[name].get("schema", {}), place, RESPONSES)


def _problem_schema_changes(old: Node, new: Node) -> Iterator[str]:
    """Yield the incompatible changes to the problem schema. They are the same for every operation."""
    before, after = (side.get("content", {}).get(_PROBLEM) for side in (old, new))
    if before is not None and after is not None:
        yield from compare(before.get("schema", {}), after.get("schema", {}), _PROBLEM_BODY, RESPONSES)


def _codes(content: Node) -> list[str]:
    """Return the problem codes that the schema allows."""
    codes = []
    for part in [content["schema"], *content["schema"].get("allOf", ())]:
        codes += part.get("properties", {}).get("code", {}).get("enum", [])
    return codes
