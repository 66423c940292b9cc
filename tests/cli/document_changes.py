"""Helpers that apply breaking and compatible changes to copies of the API document."""

from dataclasses import dataclass
from typing import Any

import pytest

GONE, KEPT = object(), object()
Document = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A change to the value at `path`, from `old` to `new`. Parameters in a list are addressed by name.

    `GONE` removes the value. `KEPT`, the default for `old`, leaves the old document unmodified.
    """

    path: tuple[str, ...]
    new: Any
    old: Any = KEPT

    def apply(self, document: Document) -> tuple[Document, Document]:
        """Return copies of the document before and after the change."""
        return _with_value(document, self.path, self.old), _with_value(document, self.path, self.new)


def operation(name: str, *below: str) -> tuple[str, ...]:
    """Return the path to an operation, such as `GET /api/v1/files`, or to a value in it."""
    method, path = name.split()
    return ("paths", path, method.lower(), *below)


def schema(name: str, *below: str) -> tuple[str, ...]:
    """Return the path to a schema in `components`, or to a value in it."""
    return ("components", "schemas", name, *below)


def member(name: str, *below: str) -> tuple[str, ...]:
    """Return the path to a member of a schema, such as `FileResponse.size`, or to a value in it."""
    return schema(name.partition(".")[0], "properties", name.partition(".")[2], *below)


def breaking(name: str, sentence: str, path: tuple[str, ...], new: Any, old: Any = KEPT) -> Any:
    """Return a test parameter: a change that breaks clients and the sentence that reports it."""
    return pytest.param(Change(path, new, old), sentence, id=name)


def compatible(name: str, path: tuple[str, ...], new: Any, old: Any = KEPT) -> Any:
    """Return a test parameter: a change that does not break clients."""
    return pytest.param(Change(path, new, old), id=name)


def _with_value(node: Any, path: tuple[str, ...], value: Any) -> Any:
    """Return `node` with the value at `path` replaced. Copies only what contains it."""
    if value is KEPT:
        return node
    copy, [step, *rest] = node.copy(), path
    if not rest:
        _set(copy, step, value)
        return copy
    key: Any = [part.get("name") for part in copy].index(step) if isinstance(copy, list) else step
    copy[key] = _with_value(copy[key], tuple(rest), value)
    return copy


def _set(node: Any, step: str, value: Any) -> None:
    if isinstance(node, list):
        node[:] = [part for part in node if part.get("name") != step] + ([] if value is GONE else [value])
    elif value is GONE:
        del node[step]
    else:
        node[step] = value(node[step]) if callable(value) else value
