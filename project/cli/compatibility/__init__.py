"""Which changes of the OpenAPI document break a client that was written against the one before.

Paths are compared as they are written, names of variables included: generated clients name arguments by them,
and methods by `operationId`. A value more in the `enum` of an answer breaks nobody who follows the contract, which
asks clients to expect values that they do not know; a narrower answer breaks nobody either, but for a problem
`code`, which clients tell cases by.
"""

from typing import Any

from project.cli.compatibility.access import other_schemes
from project.cli.compatibility.operations import changes, operations
from project.cli.compatibility.references import expanded

Document = dict[str, Any]


def incompatible_changes(old: Document, new: Document) -> list[str]:
    """A sentence for each change from `old` to `new` that breaks clients, which says what and where."""
    before, after = operations(expanded(old)), operations(expanded(new))
    found = list(other_schemes(old, new))
    found += [
        f"{'every problem' if change.of_problems else name}: {change.sentence}"
        for name, operation in before.items()
        if operation != after.get(name)
        for change in changes(operation, after.get(name))
    ]
    return list(dict.fromkeys(found))
