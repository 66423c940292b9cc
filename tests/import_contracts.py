"""The contract types that import-linter lacks: walls that stand round modules nobody has written yet."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class Wall(Contract):
    """A contract whose every breach is one line that starts with the file."""

    @abstractmethod
    def breaches(self, graph: ImportGraph) -> Iterator[str]:
        """One line for each import that goes through the wall."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = sorted(self.breaches(graph))
        return ContractCheck(kept=not found, metadata={"breaches": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["breaches"]:
            output.print_error(line, bold=False)
        output.new_line()


class Complete(Wall):
    """Every Python file is in the graph: a folder without `__init__.py` would hide all that it imports."""

    type_name = "complete"

    def breaches(self, graph: ImportGraph) -> Iterator[str]:
        for root in self.session_options["root_packages"]:
            for file in Path(root).rglob("*.py"):
                if _module(file) not in graph.modules:
                    yield f"{file}: not in the import graph; its folder or one above lacks __init__.py"


class Confined(Wall):
    """Each line of `known` says `modules: places`; only the places, and the modules themselves, import them.

    A name stands for all below it, and `*` for any one name. What does not exist matches nothing.
    """

    type_name = "confined"
    known = fields.ListField(subfield=fields.StringField())

    def breaches(self, graph: ImportGraph) -> Iterator[str]:
        for rule in cast("list[str]", self.known):
            modules, _, places = rule.partition(":")
            confined = _matching(graph, modules)
            insiders = confined | _matching(graph, places)
            for imported in confined:
                for importer in graph.find_modules_that_directly_import(imported) - insiders:
                    yield from _lines(graph, importer, imported, f"which is for{places}")


class Neighbours(Wall):
    """Packages in `container` see only each other's `doors`, and look only down the `order`, highest first.

    A package that `order` does not name stands on all that it names, and on its like without a circle.
    """

    type_name = "neighbours"
    container = fields.StringField()
    doors = fields.SetField(subfield=fields.StringField())
    order = fields.ListField(subfield=fields.StringField())

    def breaches(self, graph: ImportGraph) -> Iterator[str]:
        container, doors = cast("str", self.container), cast("set[str]", self.doors)
        for importer in graph.find_descendants(container):
            package = _below(container, importer)[0]
            for imported in graph.find_modules_directly_imported_by(importer):
                neighbour, *rooms = _below(container, imported) or [package]
                if neighbour == package:
                    continue
                if not doors.intersection(rooms[:1]):
                    why = f"but a neighbour is reached through {', '.join(sorted(doors))}"
                    yield from _lines(graph, importer, imported, why)
                elif not self._may_build(graph, package, neighbour):
                    why = f"but {package} may not build on {neighbour}"
                    yield from _lines(graph, importer, imported, why)

    def _may_build(self, graph: ImportGraph, package: str, neighbour: str) -> bool:
        order = [line.split(" | ") for line in cast("list[str]", self.order)]
        depth = {name: depth for depth, names in enumerate(order) for name in names}
        if package in depth or neighbour in depth:
            return depth.get(package, -1) < depth.get(neighbour, -1)
        importer, imported = f"{self.container}.{neighbour}", f"{self.container}.{package}"
        return not graph.chain_exists(importer=importer, imported=imported, as_packages=True)


def _below(container: str, module: str) -> list[str]:
    """The parts of a module's name below `container`; none if it is elsewhere."""
    return module.removeprefix(f"{container}.").split(".") if module.startswith(f"{container}.") else []


def _matching(graph: ImportGraph, expressions: str) -> set[str]:
    """The modules that comma-separated expressions name, and all below them."""
    names = [name.strip() for name in expressions.split(",")]
    return {m for name in names for each in (name, f"{name}.**") for m in graph.find_matching_modules(each)}


def _module(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def _lines(graph: ImportGraph, importer: str, imported: str, why: str) -> Iterator[str]:
    file = Path(*importer.split(".")).with_suffix(".py")
    if not file.exists():
        file = file.with_suffix("") / "__init__.py"
    for detail in graph.get_import_details(importer=importer, imported=imported):
        # No colon behind the number: what prints it makes an emoji of `:100:`.
        yield f"{file}:{detail['line_number']} imports {imported}, {why}"
