"""Applies a mutant to the running process, without changing any file."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from types import FunctionType
from typing import Any

from tests.mutation.mutants import Mutant, name_of


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def apply(mutant: Mutant) -> None:
    """Replace the changed function or variable of the imported module, and all module variables computed from it."""
    module = import_module(mutant.path.removesuffix(".py").replace("/", "."))
    _Replace(mutant.old, mutant.new).visit(mutant.tree)
    ast.fix_missing_locations(mutant.tree)
    for statement in _affected(mutant):
        namespace = vars(module) if isinstance(statement, ast.Assign) else dict(vars(module))
        exec(compile(ast.Module([statement], []), str(module.__file__), "exec"), namespace)
        if not isinstance(statement, ast.Assign):
            _replace_code(vars(module)[name_of(statement)], namespace[name_of(statement)], mutant.name)


def dependent_lines(mutant: Mutant) -> Iterator[int]:
    """Yield the lines of the functions and classes that use the changed function or variable."""
    names = {name_of(statement) for statement in _affected(mutant)}
    for statement in mutant.tree.body:
        if names & _names(statement) and isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield from range(statement.lineno, (statement.end_lineno or 0) + 1)


def _affected(mutant: Mutant) -> Iterator[ast.stmt]:
    """Yield the changed top-level statement, and those that compute module variables from it, in order."""
    changed: set[str] = set()
    for statement in mutant.tree.body:
        methods = [name_of(node) for node in getattr(statement, "body", []) if isinstance(statement, ast.ClassDef)]
        is_computed = isinstance(statement, ast.Assign) and bool(changed & _names(statement))
        if is_computed or mutant.name in [name_of(statement), *methods]:
            changed.add(name_of(statement))
            yield statement


def _replace_code(old: Any, new: Any, name: str) -> None:
    """Change a function, or the method `name` of a class, in place: other modules may have imported it."""
    if isinstance(old, type):
        old, new = inspect.getattr_static(old, name), inspect.getattr_static(new, name)
    original, mutated = (inspect.unwrap(getattr(each, "fget", each)) for each in (old, new))
    assert isinstance(original, FunctionType)
    original.__code__ = mutated.__code__


def _names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
