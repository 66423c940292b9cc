"""Comparing two operations: their names, who may call them, what they take, and what they answer with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from project.cli.compatibility.access import stricter
from project.cli.compatibility.requests import REQUESTS
from project.cli.compatibility.responses import ANSWERS
from project.cli.compatibility.schemas import Place, compare

Node = dict[str, Any]
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PROBLEM = "application/problem+json"
_PROBLEM_ITSELF = Place("the problem", "the member `{}`")
_BODY = Place("the request body", "the request member `{}`")


@dataclass(frozen=True)
class Change:
    """An incompatible change of an operation, or of the problems that all operations share."""

    sentence: str
    of_problems: bool = False


def operations(document: Node) -> dict[str, Node]:
    """The operations of a document by method and path, each with what its path and the document say for it."""
    found = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = {"security": document.get("security"), **item[method]}
                parameters = item.get("parameters", []) + operation.get("parameters", [])
                found[f"{method.upper()} {path}"] = {**operation, "parameters": _by_name(parameters)}
    return found


def changes(old: Node, new: Node | None) -> Iterator[Change]:
    """The incompatible changes of an operation; `new` is None when it is gone."""
    if new is None:
        yield Change("the operation is gone")
        return
    yield from map(Change, _of_the_request(old, new))
    for status, before in old["responses"].items():
        after = new["responses"].get(status)
        if after is None:
            yield Change(f"the answer {status} is gone")
        else:
            yield from map(Change, _of_an_answer(status, before, after))
            yield from (Change(sentence, of_problems=True) for sentence in _of_problems(before, after))


def _of_the_request(old: Node, new: Node) -> Iterator[str]:
    if old.get("operationId") not in (None, new.get("operationId")):
        yield f"the operationId is `{new.get('operationId')}`, not `{old['operationId']}`"
    yield from stricter(old, new)
    yield from _of_parameters(old["parameters"], new["parameters"])
    yield from _of_the_body(old.get("requestBody"), new.get("requestBody"))


def _by_name(parameters: list[Node]) -> dict[tuple[str, str], Node]:
    return {(parameter["in"], parameter["name"]): parameter for parameter in parameters}


def _of_parameters(old: dict[tuple[str, str], Node], new: dict[tuple[str, str], Node]) -> Iterator[str]:
    for key, before in old.items():
        place = Place(f"the parameter `{key[1]}`", f"the member `{{}}` of the parameter `{key[1]}`")
        if key not in new:
            yield f"{place} is gone"
            continue
        after = new[key]
        if after.get("required") and not before.get("required"):
            yield f"{place} is required now"
        if any(after.get(keyword) != before.get(keyword) for keyword in ("style", "explode")):
            yield f"{place} is written in another style"
        yield from compare(before.get("schema", {}), after.get("schema", {}), place, REQUESTS)
    for key, after in new.items():
        if key not in old and after.get("required"):
            yield f"the parameter `{key[1]}` is required now and was not known"


def _of_the_body(old: Node | None, new: Node | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not None:
            yield f"{_BODY} is gone"
        if new is not None and new.get("required"):
            yield f"{_BODY} is required now and was not known"
        return
    if new.get("required") and not old.get("required"):
        yield f"{_BODY} is required now"
    for media_type, before in old["content"].items():
        after = new["content"].get(media_type)
        if after is None:
            yield f"{_BODY} is no longer taken as `{media_type}`"
        else:
            yield from compare(before.get("schema", {}), after.get("schema", {}), _BODY, REQUESTS)


def _of_an_answer(status: str, old: Node, new: Node) -> Iterator[str]:
    yield from _of_headers(status, old.get("headers", {}), new.get("headers", {}))
    place = Place(f"the answer {status}", f"the member `{{}}` of the answer {status}")
    for media_type, before in old.get("content", {}).items():
        after = new.get("content", {}).get(media_type)
        if after is None:
            yield f"{place} is never `{media_type}` now"
        elif media_type == _PROBLEM:
            yield from (f"{status} no longer says `{code}`" for code in _codes(before) if code not in _codes(after))
        else:
            yield from compare(before.get("schema", {}), after.get("schema", {}), place, ANSWERS)


def _of_headers(status: str, old: Node, new: Node) -> Iterator[str]:
    for name, before in old.items():
        whole = f"the header `{name}` of the answer {status}"
        if name not in new:
            yield f"{whole} is gone"
            continue
        if before.get("required") and not new[name].get("required"):
            yield f"{whole} may be left out now"
        place = Place(whole, f"the member `{{}}` of {whole}")
        yield from compare(before.get("schema", {}), new[name].get("schema", {}), place, ANSWERS)


def _of_problems(old: Node, new: Node) -> Iterator[str]:
    """What has changed in the form of problems, which is the same in all answers and said once."""
    before, after = (side.get("content", {}).get(_PROBLEM) for side in (old, new))
    if before is not None and after is not None:
        yield from compare(before.get("schema", {}), after.get("schema", {}), _PROBLEM_ITSELF, ANSWERS)


def _codes(content: Node) -> list[str]:
    """The codes that a problem may have, by its schema."""
    codes = []
    for part in [content["schema"], *content["schema"].get("allOf", ())]:
        codes += part.get("properties", {}).get("code", {}).get("enum", [])
    return codes
