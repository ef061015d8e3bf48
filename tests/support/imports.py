"""The imports of the package as a graph: who names whom, and when that runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "langswarm_nb"
SOURCES = sorted(PACKAGE.rglob("*.py"))


@dataclass(frozen=True)
class Import:
    """One imported name, with the file and line that import it."""

    file: Path
    line: int
    target: str
    """Full dotted path; for ``from m import n`` it is ``m.n``."""
    at_start: bool
    """Whether importing the file runs it: not inside a function, not under ``if TYPE_CHECKING``."""

    def __str__(self):
        return f"{self.file.relative_to(REPOSITORY)}:{self.line} imports {self.target}"

    @property
    def importer(self) -> str:
        """Name of the module that imports, without that of the package."""
        return module_name(self.file)

    @property
    def imported(self) -> str:
        """Name of our module that is meant, without that of the package."""
        parts = self.target.split(".")[1:]
        while parts and ".".join(parts) not in MODULES:
            parts.pop()
        return ".".join(parts)


def imports_of(file: Path) -> Iterator[Import]:
    """Find all imports of a file, wherever they stand in it."""
    package = list(file.relative_to(REPOSITORY).parent.parts)

    def visit(node: ast.AST, at_start: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, at_start)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(file, node.lineno, f"{module}.{alias.name}", at_start)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.body:
                yield from visit(statement, at_start=False)
            for statement in node.orelse:
                yield from visit(statement, at_start)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for child in _statements_in(node):
                yield from visit(child, at_start and not inside)

    yield from visit(ast.parse(file.read_text("utf-8")), at_start=True)


def _statements_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands directly in a node and may hold imports: no expression does, and most nodes are those."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child


def module_name(file: Path) -> str:
    """Return a module's name without that of the package, whose own is empty."""
    return (
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")
    )


MODULES = {module_name(file): file for file in SOURCES}
ALL_IMPORTS = [found for file in SOURCES for found in imports_of(file)]
OURS = [found for found in ALL_IMPORTS if found.target.split(".")[0] == "langswarm_nb"]
OTHERS = [found for found in ALL_IMPORTS if found.target.split(".")[0] != "langswarm_nb"]

Graph = Mapping[str, set[str]]


def graph_of(imports: list[Import]) -> Graph:
    """Return module -> the modules it imports; that a module's packages are run first is left out."""
    found: dict[str, set[str]] = {name: set() for name in MODULES}
    for each in imports:
        if each.imported != each.importer:
            found[each.importer].add(each.imported)
    return found


def circle_in(graph: Graph) -> list[str]:
    """Return the modules of one circle, the first again at the end; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def longest_chain(graph: Graph) -> tuple[str, ...]:
    """Return the modules of the longest chain of imports in a graph without circles."""

    @cache
    def chain(module: str) -> tuple[str, ...]:
        below: list[tuple[str, ...]] = [chain(name) for name in sorted(graph[module])]
        return (module, *max(below, key=len, default=()))

    return max([chain(name) for name in sorted(graph)], key=len)
