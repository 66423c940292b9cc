"""Contract types for import-linter that cover all modules, including those that do not exist yet."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class LineContract(Contract):
    """A contract that reports each violation on one line, starting with the file."""

    @abstractmethod
    def violations(self, graph: ImportGraph) -> Iterator[str]:
        """Yield one line for each violation."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = sorted(self.violations(graph))
        return ContractCheck(kept=not found, metadata={"violations": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["violations"]:
            output.print_error(line, bold=False)
        output.new_line()


class Complete(LineContract):
    """Every Python file must be in the import graph. Imports in a folder without `__init__.py` would go unnoticed."""

    type_name = "complete"

    def violations(self, graph: ImportGraph) -> Iterator[str]:
        for root in self.session_options["root_packages"]:
            for file in Path(root).rglob("*.py"):
                if _module(file) not in graph.modules:
                    yield f"{file}: not in the import graph; its folder or a parent folder lacks __init__.py"


class Confined(LineContract):
    """Some modules may be imported only by certain other modules.

    Each line of `allowed` has the form `modules: importers`. Only the importers and the modules themselves may import
    the modules. The name of a module includes its submodules, and `*` matches a single component of a name. Names
    of modules that do not exist are ignored.
    """

    type_name = "confined"
    allowed = fields.ListField(subfield=fields.StringField())

    def violations(self, graph: ImportGraph) -> Iterator[str]:
        for rule in cast("list[str]", self.allowed):
            modules, _, importers = rule.partition(":")
            confined = _matching(graph, modules)
            allowed = confined | _matching(graph, importers)
            for imported in confined:
                for importer in graph.find_modules_that_directly_import(imported) - allowed:
                    yield from _lines(graph, importer, imported, f"which is allowed only in:{importers}")


class Siblings(LineContract):
    """Packages in `container` may import only each other's `public_modules`, and only in one direction.

    A package may import from packages on later lines of `order`. A package that is not in `order` may import from all
    packages in `order`, and from other packages that are not in `order` if they do not depend on it.
    """

    type_name = "siblings"
    container = fields.StringField()
    public_modules = fields.SetField(subfield=fields.StringField())
    order = fields.ListField(subfield=fields.StringField())

    def violations(self, graph: ImportGraph) -> Iterator[str]:
        container, public_modules = cast("str", self.container), cast("set[str]", self.public_modules)
        for importer in graph.find_descendants(container):
            package = _below(container, importer)[0]
            for imported in graph.find_modules_directly_imported_by(importer):
                sibling, *module = _below(container, imported) or [package]
                if sibling == package:
                    continue
                if not public_modules.intersection(module[:1]):
                    why = f"but the public modules of {sibling} are {', '.join(sorted(public_modules))}"
                    yield from _lines(graph, importer, imported, why)
                elif not self._may_import(graph, package, sibling):
                    why = f"but {package} may not import from {sibling}"
                    yield from _lines(graph, importer, imported, why)

    def _may_import(self, graph: ImportGraph, package: str, sibling: str) -> bool:
        order = [line.split(" | ") for line in cast("list[str]", self.order)]
        depth = {name: depth for depth, names in enumerate(order) for name in names}
        if package in depth or sibling in depth:
            return depth.get(package, -1) < depth.get(sibling, -1)
        importer, imported = f"{self.container}.{sibling}", f"{self.container}.{package}"
        return not graph.chain_exists(importer=importer, imported=imported, as_packages=True)


def _below(container: str, module: str) -> list[str]:
    """Return the components of a module's name below `container`, or an empty list if the module is not in it."""
    return module.removeprefix(f"{container}.").split(".") if module.startswith(f"{container}.") else []


def _matching(graph: ImportGraph, expressions: str) -> set[str]:
    """Return the modules that match comma-separated expressions, and all their submodules."""
    names = [name.strip() for name in expressions.split(",")]
    return {m for name in names for each in (name, f"{name}.**") for m in graph.find_matching_modules(each)}


def _module(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def _lines(graph: ImportGraph, importer: str, imported: str, why: str) -> Iterator[str]:
    file = Path(*importer.split(".")).with_suffix(".py")
    if not file.exists():
        file = file.with_suffix("") / "__init__.py"
    for detail in graph.get_import_details(importer=importer, imported=imported):
        # No colon after the line number: import-linter prints with rich, which would turn `:100:` into an emoji.
        yield f"{file}:{detail['line_number']} imports {imported}, {why}"
