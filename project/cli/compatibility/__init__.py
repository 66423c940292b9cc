"""Finds changes to the OpenAPI document that break clients written for the previous version.

Paths are compared literally, including variable names: generated clients name their arguments after the variables, and
their methods after the `operationId`. A new enum value in a response is compatible, because the API conventions require
clients to accept unknown values. Narrowing a response is also compatible. Removing a problem `code` is not, because
clients handle errors by code.
"""

from typing import Any

from project.cli.compatibility.access import security_scheme_changes
from project.cli.compatibility.operations import operation_changes, operations
from project.cli.compatibility.references import resolve_references

Document = dict[str, Any]


def incompatible_changes(old: Document, new: Document) -> list[str]:
    """Return a sentence for each change from `old` to `new` that breaks clients, naming the affected operation."""
    before, after = operations(resolve_references(old)), operations(resolve_references(new))
    found = list(security_scheme_changes(old, new))
    found += [
        f"{'every problem' if change.of_problems else name}: {change.sentence}"
        for name, operation in before.items()
        if operation != after.get(name)
        for change in operation_changes(operation, after.get(name))
    ]
    return list(dict.fromkeys(found))
