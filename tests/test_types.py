"""Public service functions are fully typed: their annotations do not contain `Any`."""

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, get_args, get_type_hints

import pytest

from project import blueprints

SERVICES = [
    import_module(module.name)
    for module in walk_packages(blueprints.__path__, f"{blueprints.__name__}.")
    if "service" in module.name.split(".")
]
FUNCTIONS = {
    f"{service.__name__}.{name}": function
    for service in SERVICES
    for name, function in inspect.getmembers(service, inspect.isfunction)
    if function.__module__ == service.__name__ and not name.startswith("_")
}


def types_in(annotation: Any) -> Iterator[Any]:
    """Yield a type and, recursively, its type arguments or, for a dataclass, the types of its fields."""
    yield annotation
    children = annotation if isinstance(annotation, list) else get_args(annotation)
    if is_dataclass(annotation):
        hints = get_type_hints(annotation)
        children = [hints[field.name] for field in fields(annotation)]
    for child in children:
        yield from types_in(child)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_annotations_of_public_service_function_do_not_contain_any(function: Any) -> None:
    hints = get_type_hints(inspect.unwrap(function))
    assert hints.keys() >= {*inspect.signature(function).parameters, "return"}
    assert [name for name, hint in hints.items() if any(part is Any for part in types_in(hint))] == []
