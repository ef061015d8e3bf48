"""Links, headings and blocks of a Markdown text, found without rendering it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=indent)(?P=mark)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_TARGET = re.compile(
    r"""\]\((?P<inline><[^>\n]+>|[^()\s]+(?:\([^()\s]*\)[^()\s]*)*)(?:\s+"[^"\n]*")?\)"""
    r"""|^\[[^\]\n]+\]:\s+(?P<reference>\S+)"""
    r"""|\b(?:src|href|srcset)="(?P<attribute>[^"\n]+)\"""",
    re.MULTILINE,
)
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$", re.MULTILINE)
_ID = re.compile(r"""\b(?:id|name)="([^"]+)\"""")


class Block(NamedTuple):
    """A fenced block of code."""

    language: str
    """The first word behind the fence; empty for none."""
    code: str
    line: int
    """Number of its first line of code, from 1."""


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a text."""
    for match in _FENCE.finditer(text):
        language = (match["info"].split() or [""])[0]
        yield Block(language, match["code"], text.count("\n", 0, match.start("code")) + 1)


def links(text: str) -> list[str]:
    """Return the targets of all links and pictures, in the order of the text."""
    return [text[start:end] for start, end in _targets(text)]


def relinked(text: str, change: Callable[[str], str]) -> str:
    """Return the text with each target replaced by what a function makes of it."""
    pieces, last = [], 0
    for start, end in _targets(text):
        pieces += [text[last:start], change(text[start:end])]
        last = end
    return "".join([*pieces, text[last:]])


def plain_fences(text: str) -> str:
    """Return the text with nothing but the language behind a fence; what else stands there is for the tests."""

    def plain(found: re.Match[str]) -> str:
        language = (found["info"].split() or [""])[0]
        start = found.start("info") - found.start()
        return found[0][:start] + language + found[0][start + len(found["info"]) :]

    return _FENCE.sub(plain, text)


def title(text: str) -> str:
    """Return the text of the first heading, without its marks.

    Raises
    ------
    ValueError
        There is no heading.
    """
    found = _HEADING.search(_without_code(text))
    if found is None:
        raise ValueError(f"A page has no heading; it begins with {text[:60]!r}.")
    return text[found.start(2) : found.end(2)].replace("`", "")


def headings(text: str) -> list[tuple[int, str]]:
    """Return level and text of each heading."""
    return [
        (len(found[1]), text[found.start(2) : found.end(2)])
        for found in _HEADING.finditer(_without_code(text))
    ]


def anchors(text: str) -> set[str]:
    """Return what a link to a place of the page can name: its headings, as code hosts spell them, and its ids."""
    seen: Counter[str] = Counter()
    found = set(_ID.findall(_without_code(text)))
    for _, heading in headings(text):
        name = slug(heading)
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def slug(heading: str) -> str:
    """Return the anchor of a heading: small letters, hyphens for spaces, no other marks."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def first_sentence(text: str) -> str:
    """Return the first sentence below the title, without links and marks; empty where no prose follows it."""
    _, _, below = text.partition("\n")
    for paragraph in re.split(r"\n\s*\n", _FENCE.sub("", below)):
        line = paragraph.strip()
        if line and line[0] not in "#|<!->" and not re.match(r"\[!\[|\[[^\]]*\]\(\S+\.ipynb\)", line):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.split("\n")[0])
            return re.split(r"(?<=[.:!?]) ", plain)[0].rstrip(":")
    return ""


def _targets(text: str) -> Iterator[tuple[int, int]]:
    for found in _TARGET.finditer(_without_code(text)):
        start, end = found.span(found.lastgroup or 0)
        yield (start + 1, end - 1) if text[start] == "<" else (start, end)


def _without_code(text: str) -> str:
    """Return the text with all code blotted out, each character in its place."""
    return _CODE.sub(_blot, _without_blocks(text))


def _without_blocks(text: str) -> str:
    return _FENCE.sub(_blot, text)


def _blot(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "x", found[0])
