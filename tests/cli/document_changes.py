"""Changes planted into copies of the API document."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

GONE, KEPT = object(), object()
Document = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What stands at `where`, first `old` and then `new`; in a list, a step is the name of a parameter."""

    where: tuple[str, ...]
    new: Any
    old: Any = KEPT

    def plant(self, document: Document) -> tuple[Document, Document]:
        """The document before and after."""
        return _planted(document, self.where, self.old), _planted(document, self.where, self.new)


def operation(name: str, *below: str) -> tuple[str, ...]:
    """Where an operation stands, such as `GET /api/v1/files`, or something in it."""
    method, path = name.split()
    return ("paths", path, method.lower(), *below)


def schema(name: str, *below: str) -> tuple[str, ...]:
    """Where a schema of the components stands, or something in it."""
    return ("components", "schemas", name, *below)


def member(name: str, *below: str) -> tuple[str, ...]:
    """Where a member of a schema stands, such as `FileResponse.size`, or something in it."""
    return schema(name.partition(".")[0], "properties", name.partition(".")[2], *below)


def case(name: str, sentence: str, where: tuple[str, ...], new: Any, old: Any = KEPT) -> Any:
    """A planted change that breaks clients, and the sentence that says so."""
    return pytest.param(Change(where, new, old), sentence, id=name)


def harmless(name: str, where: tuple[str, ...], new: Any, old: Any = KEPT) -> Any:
    """A planted change that breaks no client."""
    return pytest.param(Change(where, new, old), id=name)


def _planted(document: Document, where: tuple[str, ...], value: Any) -> Document:
    if value is KEPT:
        return document
    planted: Any = deepcopy(document)
    node = planted
    for step in where[:-1]:
        node = next(part for part in node if part.get("name") == step) if isinstance(node, list) else node[step]
    _put(node, where[-1], value)
    return planted


def _put(node: Any, step: str, value: Any) -> None:
    if isinstance(node, list):
        node[:] = [part for part in node if part.get("name") != step] + ([] if value is GONE else [value])
    elif value is GONE:
        del node[step]
    else:
        node[step] = value(node[step]) if callable(value) else value
