"""Rate limits: routes that hash passwords or send email must declare limits, to prevent abuse."""

import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from inspect import getclosurevars, isfunction, ismodule
from pkgutil import iter_modules
from types import CodeType, FunctionType
from typing import Any

from celery import current_app as celery

from project.blueprints.auth import passwords
from project.infrastructure import mail
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import World
from worker import tasks

for _module in iter_modules(tasks.__path__, "worker.tasks."):
    import_module(_module.name)

_FOLLOWED = ("project.", "worker.", "tests.")
_ABUSABLE = {passwords.hash_password, passwords.matches, mail.current_mailer}


@check(lambda operation: not operation.rule.limits)
def routes_that_hash_passwords_or_send_email_declare_limits(operation: Operation, world: World) -> None:
    view = world.app.view_functions[operation.rule.endpoint]
    called = sorted(function.__name__ for function in called_abusable(view))
    assert called == [], f"the route calls {called}, directly or in a job: declare limits="


@check(lambda operation: bool(operation.rule.limits) and not operation.is_public)
def routes_that_send_email_are_limited_per_user(operation: Operation, world: World) -> None:
    sends = mail.current_mailer in called_abusable(world.app.view_functions[operation.rule.endpoint])
    assert not sends or any(limit.caller for limit in operation.rule.limits), (
        "the route sends email: declare a limit whose caller= identifies the user"
    )


def called_abusable(view: Any) -> set[FunctionType]:
    """Return the functions that `view` may call and that are worth abusing: they are costly, or send email."""
    return _reachable(view) & _ABUSABLE


def _reachable(view: Any) -> set[FunctionType]:
    """Return the functions of the project that `view` may call, including those of the jobs that it may enqueue.

    The result is approximate: a function counts as called if the code of a reachable function refers to its name, or
    to a class, collection or partial function that contains it.
    """
    found: set[FunctionType] = set()
    pending = [view]
    while pending:
        function = pending.pop()
        if function not in found and function.__module__.startswith(_FOLLOWED):
            found.add(function)
            values = [part for value in _values(function) for part in _parts(value)]
            pending += [value for value in values if isfunction(value)]
            pending += [_work(value) for value in values if isinstance(value, str) and value in celery.tasks]
    return found


def _values(function: FunctionType) -> Iterator[Any]:
    """Yield the values to which the code of `function` refers: globals, module attributes, constants and closures."""
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    yield from function.__defaults__ or ()
    for code in _codes(function.__code__):
        # The names of modules that the code itself imports are among its names.
        values = [function.__globals__.get(name, sys.modules.get(name)) for name in code.co_names]
        attributes = _attributes(values, code.co_names)
        yield from (*values, *code.co_consts, *attributes, *_attributes(attributes, code.co_names))


def _attributes(values: list[Any], names: tuple[str, ...]) -> list[Any]:
    """Return the attributes with these names of the modules among `values`."""
    return [getattr(module, name, None) for module in filter(ismodule, values) for name in names]


def _parts(value: Any) -> Iterator[Any]:
    """Yield the values that a class, collection or partial function contains, or `value` itself."""
    if isinstance(value, type):
        yield from vars(value).values()
    elif isinstance(value, partial):
        yield value.func
    elif isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    else:
        yield value


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield `code` and the code of the functions defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _work(job_name: str) -> Any:
    """Return the function that `@job` registered under this name."""
    return getclosurevars(celery.tasks[job_name].run).nonlocals["task"].work
