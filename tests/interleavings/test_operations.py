"""Every route and every task that changes data is an operation, and guarantees name the operations that prove them."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers, isfunction
from pathlib import Path

from flask import Flask

import worker.tasks
from project.http.routing.rule import ContractRule
from tests.kit.interleaving.explorer import Explorer
from tests.kit.interleaving.operations import operations

_ROOT = Path(__file__).parents[2]
_READ_ONLY = {"GET", "HEAD", "OPTIONS"}
# Routes that call the same service function as another route.
_SAME_OPERATION = {"log_in_with_cookie": "log_in", "refresh_with_cookie": "refresh"}


def names_of_routes(app: Flask) -> Iterator[str]:
    """Yield the name of the operation for each route that changes data, and another name if the route accepts a key."""
    for rule in app.url_map.iter_rules():
        name = rule.endpoint.rpartition(".")[2]
        if isinstance(rule, ContractRule) and rule.methods - _READ_ONLY:
            if rule.exempt.get("idempotency") != "read-only":
                yield name
            if rule.is_keyed:
                yield f"{name}_with_key"


def names_of_tasks() -> Iterator[str]:
    """Yield the functions that workers call."""
    modules = [f"worker.tasks.{module.name}" for module in pkgutil.iter_modules(worker.tasks.__path__)]
    for module in ["worker.maintenance", *modules]:
        yield from (name for name, work in getmembers(import_module(module), isfunction) if work.__module__ == module)


def test_every_route_that_changes_data_is_an_operation(shared_app: Flask) -> None:
    names = list(names_of_routes(shared_app))
    assert len(names) == len(set(names))
    assert {_SAME_OPERATION.get(name, name) for name in names} <= operations().keys()


def test_every_operation_has_an_effect_on_its_own(exploring: Explorer) -> None:
    without_effect = {name for name in operations() if not exploring.has_effect(name)}
    # These have an effect only after or during another operation.
    assert without_effect == {
        "invite_guest_again",
        "invite_newcomer_again",
        "purge_files",
        "purge_jobs",
        "refresh_after_lost_response",
    }


def test_every_task_is_an_operation() -> None:
    assert set(names_of_tasks()) <= operations().keys()


def test_every_guarantee_in_the_architecture_names_its_proof() -> None:
    section = (_ROOT / "ARCHITECTURE.md").read_text().partition("## Consistency of each flow")[2].partition("##")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    proofs = {flow: re.findall("`(.+?)`", cell) for flow, _guarantee, _mechanism, cell in rows[1:]}
    assert len(proofs) >= 10
    assert [flow for flow, names in proofs.items() if not names] == []
    operands = {name for names in proofs.values() for pair in names for name in pair.split(" + ")}
    assert [name for name in operands if name not in operations() and not (_ROOT / name).is_file()] == []
