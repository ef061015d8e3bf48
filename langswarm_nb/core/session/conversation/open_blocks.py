"""Markdown that may stop in the midst of a block, put before other Markdown: the block is closed first.

Only blocks of the top level reach into what follows: a heading at the beginning of a line ends lists and quotes with
all that is in them. So this reads lines, not Markdown.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_FENCE = re.compile(r"(?P<mark>`{3,}(?!.*`)|~{3,})")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?=( +|$))")
_WORD = re.compile(r" *[^\W\d_]")
"""What a paragraph begins with and goes on with, also at less indentation than its list item."""
_MOST_INDENT = 3
"""Of what begins a block; what stands deeper is code or goes on with a paragraph."""
_HTML = (
    (
        re.compile(r"(?i:<(?:script|pre|style|textarea)(?:[\s>]|$))"),
        re.compile(r"(?i:</(?:script|pre|style|textarea)>)"),
    ),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
)  # fmt: skip
"""How HTML begins that blank lines do not end, and what ends it."""
_ENDS = ("</pre>", "-->", "?>", ">", "]]>")


class _Open(NamedTuple):
    """A block that is not closed so far."""

    is_closed_by: re.Pattern[str]
    closer: str
    item: int
    """Indentation of the list item that it is in; 0 at the top level."""


def closed(text: str) -> str:
    r"""Return Markdown, with a fence or a block of HTML closed that would take in what follows it.

    Examples
    --------
    >>> closed("Look:\n```python\nx = 1")
    'Look:\n```python\nx = 1\n```'
    """
    block: _Open | None = None
    items: list[int] = []
    in_paragraph = False
    for line in text.expandtabs(4).replace("\r\n", "\n").split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if not line.strip():
            in_paragraph = False
            continue
        if block is not None and indent >= block.item:
            if block.is_closed_by.search(line[block.item :]):
                block = None
            continue
        goes_on = in_paragraph and block is None and _WORD.match(line) is not None
        block = None  # the end of its item ended it
        while items and indent < items[-1] and not goes_on:
            items.pop()
        block = None if goes_on else _opened(line, items)
        in_paragraph = block is None and _WORD.match(line, items[-1] if items else 0) is not None
    return f"{text.rstrip()}\n{block.closer}" if block is not None and not block.item else text


def _opened(line: str, items: list[int]) -> _Open | None:
    """Return the block that a line opens, and note the list items that it begins."""
    item = items[-1] if items else 0
    rest = line[item:]
    while (indent := len(rest) - len(rest.lstrip(" "))) <= _MOST_INDENT and (
        found := _ITEM.match(rest, indent)
    ):
        gap = len(found[1])
        item += found.end() + (gap if 1 <= gap <= _MOST_INDENT + 1 else 1)
        items.append(item)
        rest = line[item:]
    body = rest.lstrip(" ")
    if indent > _MOST_INDENT:
        return None
    if found := _FENCE.match(body):
        mark = found["mark"]
        closes = re.compile(rf" {{0,{_MOST_INDENT}}}{re.escape(mark)}{re.escape(mark[0])}*\s*$")
        return _Open(_at_start(closes), " " * indent + mark, item)
    for (begins, ends), closer in zip(_HTML, _ENDS, strict=True):
        if begins.match(body):
            return None if ends.search(body) else _Open(ends, closer, item)
    return None


def _at_start(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"\A(?:{pattern.pattern})")
