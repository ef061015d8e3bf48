"""Docstrings in numpydoc's form as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator

_SECTION = re.compile(r"^(?P<name>[A-Z][A-Za-z ]+)\n-{3,}\n", re.MULTILINE)
_ITEMS = {"Parameters", "Other Parameters", "Attributes", "Methods", "Returns", "Yields", "Raises", "Warns"}
_TYPES_ALONE = {"Returns", "Yields", "Raises", "Warns"}
"""Sections whose entries begin with a type instead of a name."""
_CODE = re.compile(r"``(?P<code>.+?)``|`(?P<name>[^`\n]+)`")

Linker = Callable[[str], str]
"""Returns the Markdown of a name that a docstring puts between single backticks."""


def as_markdown(docstring: str, link: Linker) -> str:
    """Return a docstring as Markdown, its sections under bold names."""
    text = inspect.cleandoc(docstring)
    head, *rest = _SECTION.split(text)
    parts = [prose(head, link)]
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        content = _items(body, link, typed=name in _TYPES_ALONE) if name in _ITEMS else prose(body, link)
        parts.append(f"**{name}**\n\n{content}")
    return "\n\n".join(part for part in parts if part.strip())


def prose(text: str, link: Linker) -> str:
    """Return paragraphs, lists and examples as Markdown."""
    parts = []
    for paragraph in _paragraphs(textwrap.dedent(text).strip("\n")):
        if paragraph.startswith(">>> "):
            parts.append(f"```pycon\n{paragraph}\n```")
        elif paragraph.startswith("    "):
            parts.append(f"```python\n{textwrap.dedent(paragraph)}\n```")
        elif paragraph != "::":
            parts.append(inline(paragraph.removesuffix(":") if paragraph.endswith("::") else paragraph, link))
    return "\n\n".join(parts)


def inline(text: str, link: Linker) -> str:
    """Return running text as Markdown: code stays, all other marks are escaped."""
    pieces, last = [], 0
    for found in _CODE.finditer(text):
        pieces.append(_escaped(text[last : found.start()]))
        pieces.append(f"`{found['code']}`" if found["code"] else link(found["name"]))
        last = found.end()
    return "".join([*pieces, _escaped(text[last:])])


def summary(docstring: str, link: Linker) -> str:
    """Return the first line of a docstring."""
    return inline(inspect.cleandoc(docstring).split("\n\n")[0].replace("\n", " "), link)


def _items(body: str, link: Linker, *, typed: bool) -> str:
    return "\n".join(_item(head, told, link, typed=typed) for head, told in _entries(body))


def _item(head: str, told: str, link: Linker, *, typed: bool) -> str:
    name, colon, kind = head.partition(" : ")
    shown = (
        f"`{name}`"
        if not typed or colon
        else link(name)
        if name.isidentifier()
        else f"*{inline(name, link)}*"
    )
    written = f" (*{inline(kind, link)}*)" if kind else ""
    text = prose(told, link)
    if not text:
        return f"- {shown}{written}"
    return f"- {shown}{written}: " + text.replace("\n", "\n    ")


def _entries(body: str) -> Iterator[tuple[str, str]]:
    head, told = "", list[str]()
    for line in body.strip("\n").split("\n"):
        if line and not line.startswith(" "):
            if head:
                yield head, "\n".join(told)
            head, told = line.strip(), []
        else:
            told.append(line)
    if head:
        yield head, "\n".join(told)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs; the lines of an example or an indented block stay together."""
    held = ""
    for paragraph in re.split(r"\n\s*\n", text):
        together = held and (
            (held.startswith("    ") and paragraph.startswith("    "))
            or (held.startswith(">>> ") and paragraph.startswith(">>> "))
        )
        if together:
            held += f"\n\n{paragraph}"
            continue
        if held:
            yield held
        held = paragraph.rstrip()
    if held:
        yield held


def _escaped(text: str) -> str:
    return re.sub(r"(?<!\w)([*_])|([<>|\\])|([*_])(?!\w)", lambda found: f"\\{found[0]}", text)
