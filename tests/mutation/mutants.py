"""Generates mutants: copies of a module with one change, such as a dropped query condition or a negated comparison."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_CONDITIONS = ("where", "filter", "filter_by", "having", "and_", "or_")
_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Eq: ast.NotEq, ast.Is: ast.IsNot, ast.In: ast.NotIn, ast.Lt: ast.LtE, ast.Gt: ast.GtE, ast.And: ast.Or},
    **{ast.NotEq: ast.Eq, ast.IsNot: ast.Is, ast.NotIn: ast.In, ast.LtE: ast.Lt, ast.GtE: ast.Gt, ast.Or: ast.And},
}


@dataclass(frozen=True)
class Mutant:
    """A change to a module: `new` in place of `old`. `name` is the function or variable whose definition changes."""

    path: str
    name: str
    change: str
    number: int
    tree: ast.Module
    old: ast.AST
    new: ast.AST
    drops_condition: bool

    @property
    def lines(self) -> range:
        """The lines that the change affects."""
        first = getattr(self.old, "lineno", 0)
        return range(first, getattr(self.old, "end_lineno", first) + 1)

    @property
    def key(self) -> str:
        """A description that does not change if the lines of the module move."""
        return f"{self.path} {self.name}: {self.change}" + (f" ({self.number})" if self.number > 1 else "")

    def __str__(self) -> str:
        return f"{self.path}:{self.lines.start} {self.name}: {self.change}"


def mutants_of(path: str, source: str, *, only_conditions: bool) -> Iterator[Mutant]:
    """Yield the mutants of a module: those that drop a query condition and, unless `only_conditions`, all others."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for node, scope in _scopes(tree).items():
        dropped = list(_without_a_condition(node))
        for new, change in dropped if only_conditions else [*dropped, *_other_changes(node, scope)]:
            name = name_of(scope)
            seen[name + change] += 1
            yield Mutant(path, name, change, seen[name + change], tree, node, new, (new, change) in dropped)


def name_of(definition: ast.AST) -> str:
    """Return the name that a function, class or assignment defines."""
    targets = getattr(definition, "targets", [getattr(definition, "target", None)])
    return str(getattr(definition, "name", getattr(targets[0], "id", "module")))


def _scopes(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    """Return the function or module-level assignment around each node. Omits signatures, decorators and annotations."""
    scopes: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            scopes |= {part: node for statement in node.body for part in ast.walk(statement)}
        elif isinstance(node, ast.Assign) and node in tree.body:
            scopes |= dict.fromkeys(ast.walk(node), node)
        elif isinstance(node, ast.AnnAssign):
            ignored = set(ast.walk(node.annotation))
            scopes = {part: scope for part, scope in scopes.items() if part not in ignored}
    return scopes


def _without_a_condition(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    match node:
        case ast.Call(ast.Attribute(attr=name) | ast.Name(name), arguments, keywords):
            for index, argument in enumerate(arguments if name in _CONDITIONS else []):
                kept = arguments[:index] + arguments[index + 1 :]
                yield ast.Call(node.func, kept, keywords), f"drop {ast.unparse(argument)}"
            if any(keyword.arg == "where" for keyword in keywords):
                yield ast.Call(node.func, arguments, [each for each in keywords if each.arg != "where"]), "drop where="
        case ast.Tuple(elements) if elements and all(map(_is_condition, elements)):
            for index, element in enumerate(elements):
                yield ast.Tuple(elements[:index] + elements[index + 1 :], ast.Load()), f"drop {ast.unparse(element)}"
        case ast.Dict(keys, values) if keys and all(map(_is_column, keys)):
            for index, key in enumerate(keys):
                others = ast.Dict(keys[:index] + keys[index + 1 :], values[:index] + values[index + 1 :])
                yield others, f"drop {ast.unparse(key or node)}"
        case ast.Assign([ast.Subscript(slice=column)]) if _is_column(column):
            yield ast.Pass(), f"drop {ast.unparse(node)}"
        case ast.BinOp(left, ast.BitOr(), ast.Call() as right):
            yield left, f"drop {ast.unparse(right)}"


def _is_condition(node: ast.AST) -> bool:
    match node:
        case ast.Compare(left) | ast.Call(ast.Attribute(left)):
            return _is_column(left)
    return False


def _is_column(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id[0].isupper()


def _other_changes(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    text = ast.unparse(node) if isinstance(node, ast.expr | ast.Expr | ast.Return) else ""
    match node:
        case ast.Compare(left, [operator], right):
            changed = ast.Compare(left, [_OPERATORS[type(operator)]()], right)
            yield changed, f"{text} → {ast.unparse(changed)}"
        case ast.BoolOp(operator, values):
            changed = ast.BoolOp(_OPERATORS[type(operator)](), values)
            yield changed, f"{text} → {ast.unparse(changed)}"
        case ast.UnaryOp(ast.Not(), operand):
            yield operand, f"{text} → {ast.unparse(operand)}"
        case ast.Constant(bool(value)):
            yield ast.Constant(not value), f"{value} → {not value}"
        case ast.Constant(int(value)):
            yield from ((ast.Constant(value + step), f"{value} → {value + step}") for step in (1, -1))
        case ast.Expr(ast.Call()):
            yield ast.Pass(), f"remove {text}"
        case ast.Return(ast.expr() as value) if text != "return None":
            yield ast.Return(ast.Constant(None)), f"{text} → return None"
            if ast.unparse(getattr(scope, "returns", None) or ast.Name("")) == "bool":
                yield ast.Return(ast.UnaryOp(ast.Not(), value)), f"{text} → return not …"
