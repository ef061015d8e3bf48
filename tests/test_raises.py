"""Docstrings of public functions tell what the functions raise: who calls one knows what to catch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from langswarm_nb.core.session import errors
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "langswarm_nb"
SOURCES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(PACKAGE).parts)
]
FLOOR = 0.95
NOT_MEANT_FOR_CALLERS = {"AssertionError", "NotImplementedError"}
"""A mistake of ours, and a method that a subclass writes."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Raising:
    """A public function that raises by itself, and has words."""

    place: str
    names: frozenset[str]
    """Of the classes that it raises; empty when a function makes the error."""
    words: str

    @property
    def is_told(self) -> bool:
        """Whether its docstring has the section, and in it each class or one above it."""
        _, section, told = self.words.partition("Raises\n------\n")
        listed = set(re.findall(r"\w+", " ".join(re.findall(r"^\w.*$", told, re.MULTILINE))))
        return bool(section) and all(listed & _with_bases(name) for name in self.names)


def _with_bases(name: str) -> set[str]:
    """Return a class and, of ours, those that it derives from: who tells of a `SessionError` tells of each."""
    known = getattr(errors, name, None)
    return {name} if known is None else {base.__name__ for base in known.__mro__} - {"Exception", "object"}


def functions(body: list[ast.stmt], owner: ast.ClassDef | None = None) -> Iterator[tuple[str, Function, str]]:
    """Yield name, node and docstring of the public functions; `__init__` has the one of its class."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, node)
        elif isinstance(node, Function) and (node.name == "__init__" or not node.name.startswith("_")):
            told_in = owner if node.name == "__init__" and owner is not None else node
            name = node.name if owner is None else f"{owner.name}.{node.name}"
            yield name, node, ast.get_docstring(told_in) or ""


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function, but not in the functions and classes inside of it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.ClassDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def raised_names(function: Function) -> list[str | None]:
    """Return the class of each error that is made here; None for one that a function makes."""
    nodes = list(own_nodes(function))
    caught = {node.name for node in nodes if isinstance(node, ast.ExceptHandler)}
    raised = [node.exc for node in nodes if isinstance(node, ast.Raise) and node.exc is not None]
    made = [error for error in raised if not (isinstance(error, ast.Name) and error.id in caught)]
    return [_class_of(error) for error in made]


def _class_of(error: ast.expr) -> str | None:
    """Return ``E`` for ``E``, ``E(…)``, ``E.of(…)`` and ``module.E(…)``."""
    found = error.func if isinstance(error, ast.Call) else error
    if isinstance(found, ast.Attribute):
        found = found.value if found.attr == "of" else ast.Name(found.attr)
    return found.id if isinstance(found, ast.Name) and found.id[:1].isupper() else None


def raising() -> Iterator[Raising]:
    for path in SOURCES:
        for name, node, words in functions(ast.parse(path.read_text("utf-8")).body):
            names = [kind for kind in raised_names(node) if kind not in NOT_MEANT_FOR_CALLERS]
            if names and words:
                place = f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno} {name}"
                yield Raising(place, frozenset(kind for kind in names if kind is not None), words)


def test_public_docstrings_tell_what_is_raised():
    """Of a hundred public functions that raise, at least ninety-five list what they raise."""
    found = list(raising())
    silent = [function.place for function in found if not function.is_told]
    assert len(found) > 100
    assert len(silent) <= (1 - FLOOR) * len(found), "\n".join(silent)
