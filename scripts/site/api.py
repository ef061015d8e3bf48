"""The pages of the public names: what ``docs/public.md`` lists, with signatures, fields and docstrings."""

from __future__ import annotations

import ast
import inspect
import posixpath
import re
import textwrap
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from . import markdown, numpydoc

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 88
_LISTED = re.compile(r"^\| `(langswarm_nb[\w.]*)` \| (.+?) \|", re.MULTILINE)


@cache
def modules() -> dict[str, str]:
    """Return the public modules with what each is for."""
    return dict(_LISTED.findall((ROOT / "docs" / "public.md").read_text("utf-8")))


@cache
def homes() -> dict[str, str]:
    """Return each public name with the module whose page describes it: the innermost one that offers it."""
    found: dict[str, str] = {}
    for module in sorted(modules(), key=lambda name: name.count(".")):
        found |= dict.fromkeys(import_module(module).__all__, module)
    return found


def module_page(name: str) -> str:
    """Return the page of a public module."""
    module = import_module(name)
    described = [member for member in module.__all__ if homes()[member] == name]
    elsewhere = [member for member in module.__all__ if homes()[member] != name]
    parts = [f"# {name}", numpydoc.as_markdown(module.__doc__ or "", _link)]
    for member in described:
        parts += _member(module, member)
    if elsewhere:
        rows = [f"| {_link(member)} | {_summary(getattr(module, member))} |" for member in elsewhere]
        parts += [
            "## Also here" if described else "## Names",
            "\n".join(["| name | what it is |", "| --- | --- |", *rows]),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _member(module: ModuleType, name: str) -> Iterator[str]:
    value = getattr(module, name)
    if isinstance(value, ModuleType):
        yield f"## {name}"
        yield f"The module {_link(value.__name__)}."
    elif inspect.isclass(value):
        yield from _class(name, value)
    elif inspect.isroutine(value):
        yield from _function(f"## {name}", name, value)
    else:
        yield f"## {name}"
        yield _code(f"{name} = {_constant(name)[0]}")
        yield numpydoc.as_markdown(_constant(name)[1], _link)


def _class(name: str, value: type) -> Iterator[str]:
    yield f"## {name}"
    yield _code(f"class {name}{_signature(value) if _has_constructor(value) else ''}")
    bases = [_link(base.__name__) for base in value.__bases__ if base.__name__ in homes()]
    if bases:
        yield f"A kind of {', '.join(bases)}."
    yield numpydoc.as_markdown(inspect.getdoc(value) or "", _link)
    rows = [
        f"- `{field}`"
        + (f" (`{kind}`)" if kind else "")
        + (f": {numpydoc.summary(told, _link)}" if told else "")
        for field, kind, told in _fields(value)
    ]
    if rows:
        yield "**Fields**"
        yield "\n".join(rows)
    for method, function in _methods(value):
        yield from _function(f"### {name}.{method}", method, function)


def _function(heading: str, name: str, value: Any) -> Iterator[str]:
    yield heading
    if isinstance(value, property | cached_property):
        getter = value.fget if isinstance(value, property) else value.func
        kind = getter.__annotations__.get("return", "") if getter else ""
        yield _code(f"{name}: {kind}" if kind else name)
    else:
        function = inspect.unwrap(getattr(value, "__func__", value))
        marks = "async " if inspect.iscoroutinefunction(function) else ""
        yield _code(f"{marks}def {name}{_signature(function)}")
    yield numpydoc.as_markdown(inspect.getdoc(value) or "", _link)


def _signature(value: Any) -> str:
    """Return the arguments as the source has them, one a line where they do not fit on one."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "" if inspect.isclass(value) else "(...)"
    returned = found.empty if inspect.isclass(value) else _as_written(found.return_annotation)
    arguments = [_parameter(found) for name, found in found.parameters.items() if name not in ("self", "cls")]
    signature = found.replace(parameters=arguments, return_annotation=returned)
    text = str(signature)
    if len(text) + 20 <= WIDTH:
        return text
    lines = "".join(f"    {line},\n" for line in _marked(arguments))
    return f"(\n{lines})" + ("" if returned is signature.empty else f" -> {_annotation(returned)}")


def _parameter(found: inspect.Parameter) -> inspect.Parameter:
    default = found.default if found.default is found.empty else _Written(_default(found.default))
    return found.replace(default=default, annotation=_as_written(found.annotation))


def _annotation(annotation: Any) -> str:
    return inspect.formatannotation(annotation)


def _as_written(annotation: Any) -> Any:
    """Return an annotation that prints as the source has it, where it is kept as text."""
    return _Written(annotation.strip("'\"")) if isinstance(annotation, str) else annotation


def _marked(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """Yield the arguments, with the star where those by name begin."""
    starred = False
    for parameter in parameters:
        starred |= parameter.kind is parameter.VAR_POSITIONAL
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield str(parameter)


class _Written:
    """A part of a signature as it is to be printed."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _default(value: Any) -> str:
    text = repr(value)
    return "..." if text.startswith("<") or len(text) > WIDTH // 2 else text


def _has_constructor(value: type) -> bool:
    return (
        not issubclass(value, BaseException)
        and not getattr(value, "_is_protocol", False)
        and (value.__init__ is not object.__init__)
    )


def _fields(value: type) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and docstring of what a class declares, its private bases included."""
    seen = set[str]()
    for owner in _owners(value):
        body = _parsed(owner).body
        for node, behind in zip(body, [*body[1:], None], strict=True):
            target = _target(node)
            if target is None or target in seen or not _is_public(value, target):
                continue
            seen.add(target)
            kind = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
            yield target, kind.strip("'"), _literal(behind)


def _methods(value: type) -> Iterator[tuple[str, Any]]:
    """Yield what a class and its private bases define, in the order of the source."""
    seen = set[str]()
    for owner in _owners(value):
        for name, member in vars(owner).items():
            wanted = inspect.isroutine(member) or isinstance(member, property | staticmethod | classmethod)
            if name in seen or not wanted or not _is_public(value, name):
                continue
            seen.add(name)
            yield (
                name,
                member if isinstance(member, property | cached_property) else getattr(value, name),
            )


def _is_public(value: type, name: str) -> bool:
    """Tell whether a member stays, by what ``docs/public.md`` says: a contract, its class or a guide names it."""
    if name.startswith("_"):
        return False
    return name in _named() or re.search(rf"\b{name}\b", inspect.getdoc(value) or "") is not None


@cache
def _named() -> frozenset[str]:
    """Return the members of the contracts, and every name that a page for users writes behind a dot."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide").glob("*.md")]
    pages += sorted((ROOT / "notebooks").glob("*.ipynb"))
    contracts = import_module("langswarm_nb.core.session.interfaces")
    members = {member for name in contracts.__all__ for member in dir(getattr(contracts, name))}
    return frozenset(members.union(*(re.findall(r"\.([a-z]\w*)", page.read_text("utf-8")) for page in pages)))


def _owners(value: type) -> Iterator[type]:
    """Yield a class, and those of its bases that have no page of their own."""
    for owner in value.__mro__:
        ours = owner.__module__.startswith("langswarm_nb")
        if ours and (owner is value or homes().get(owner.__name__) is None):
            yield owner


@cache
def _parsed(owner: type) -> ast.ClassDef:
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    except (OSError, TypeError):
        node = None
    return node if isinstance(node, ast.ClassDef) else ast.ClassDef("", [], [], [], [])


def _target(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _literal(node: ast.stmt | None) -> str:
    """Return the text that stands alone below a field."""
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ):
        return node.value.value
    return ""


@cache
def _constants() -> dict[str, tuple[str, str]]:
    """Return the values and docstrings of all names that modules of the package assign."""
    found: dict[str, tuple[str, str]] = {}
    for file in sorted((ROOT / "langswarm_nb").rglob("*.py")):
        body = ast.parse(file.read_text("utf-8")).body
        for node, behind in zip(body, [*body[1:], None], strict=True):
            name = _target(node)
            value = getattr(node, "value", None)
            if name and value is not None and _literal(behind):
                found.setdefault(name, (ast.unparse(value), _literal(behind)))
    return found


def _constant(name: str) -> tuple[str, str]:
    source, told = _constants().get(name, ("…", ""))
    return (source if len(source) <= WIDTH else "…"), told


def _summary(value: Any) -> str:
    name = getattr(value, "__name__", "")
    told = inspect.getdoc(value) if inspect.isclass(value) or inspect.isroutine(value) else _constant(name)[1]
    return numpydoc.summary(told or "", _link)


def _link(name: str) -> str:
    """Return a name as code, with a link where a page describes it."""
    plain = name.removesuffix("()")
    owner, _, member = plain.partition(".")
    if plain in modules():
        return f"[`{name}`]({plain}.md)"
    last = plain.rpartition(".")[2]
    if plain.startswith("langswarm_nb.") and homes().get(last):
        return f"[`{name}`]({homes()[last]}.md#{markdown.slug(last)})"
    if owner not in homes():
        return f"`{name}`"
    place = plain if member in _described(owner) else owner
    return f"[`{name}`]({posixpath.join('', homes()[owner])}.md#{markdown.slug(place)})"


@cache
def _described(name: str) -> frozenset[str]:
    """Return the methods of a public class that have a heading of their own."""
    value = getattr(import_module(homes()[name]), name)
    return frozenset(method for method, _ in _methods(value)) if inspect.isclass(value) else frozenset()


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
