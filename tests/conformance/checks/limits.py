"""Rate limits: routes that hash passwords or send email must declare limits, to prevent abuse."""

from collections.abc import Iterator
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
    called = [function.__name__ for function in _reachable(view) if function in _ABUSABLE]
    assert called == [], f"the route calls {called}, directly or in a job: declare limits="


def _reachable(view: Any) -> set[FunctionType]:
    """Return the functions of the project that `view` may call, including those of the jobs that it may enqueue.

    The result is approximate: a function counts as called if the code of a reachable function refers to its name.
    """
    found: set[FunctionType] = set()
    pending = [view]
    while pending:
        function = pending.pop()
        if function not in found and function.__module__.startswith(_FOLLOWED):
            found.add(function)
            values = list(_values(function))
            pending += [value for value in values if isfunction(value)]
            pending += [_work(value) for value in values if isinstance(value, str) and value in celery.tasks]
    return found


def _values(function: FunctionType) -> Iterator[Any]:
    """Yield the values to which the code of `function` refers: globals, module attributes, constants and closures."""
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    for code in _codes(function.__code__):
        values = [function.__globals__.get(name) for name in code.co_names]
        yield from (*values, *code.co_consts)
        for module in filter(ismodule, values):
            yield from (getattr(module, name, None) for name in code.co_names)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield `code` and the code of the functions defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _work(job_name: str) -> Any:
    """Return the function that `@job` registered under this name."""
    return getclosurevars(celery.tasks[job_name].run).nonlocals["task"].work
