"""What was said, as bubbles: who, and the words; tables that were put into a question are folded."""

from __future__ import annotations

import re

from . import Format, render_html
from .escaping import text_html

__all__ = ["bubble_html"]

_FRAME = re.compile(
    r"^(?P<title>(?:DataFrame|Series|array)\b[^\n]*)\n(?:dtypes: [^\n]*\n)?\n(?P<table>(?:\|[^\n]*\|(?:\n|\Z))+)",
    re.MULTILINE,
)
"""A frame as a question holds it, see `langswarm_nb.notebook.asking.value_text`."""


def bubble_html(
    speaker: str,
    line: str,
    text: str,
    *,
    format: Format = "text",
    body: str = "",
    above: str = "",
    below: str = "",
) -> str:
    """Return one message.

    Parameters
    ----------
    speaker
        ``"user"``, ``"assistant"``, ``"system"`` or ``"tool"``, which decides how it looks.
    line
        Plain text above it; its first part, up to `` · ``, stands out.
    text
        What was said.
    format
        How to show that; of ``"text"``, tables are folded.
    body
        HTML that the renderer made of it before.
    above, below
        Safe HTML around it; where there is any, no text takes no room.
    """
    who, dot, rest = line.partition(" · ")
    words = body or ("" if (above or below) and not text else _words(text, format))
    words = f"{above}{words}{below}"
    head = f'<div class="lsnb-who"><strong>{text_html(who)}</strong>{text_html(dot + rest)}</div>'
    return f'<div class="lsnb-said lsnb-by-{speaker}">{head}{words}</div>'


def _words(text: str, format: Format) -> str:
    return _folded(text) if format == "text" else render_html(text, format=format)


def _folded(text: str) -> str:
    """Return text as it is, each table that was put into it behind its title."""
    pieces, end = [], 0
    for found in _FRAME.finditer(text):
        pieces += [_as_it_is(text[end : found.start()]), _fold(found["title"], found["table"])]
        end = found.end()
    return "".join([*pieces, _as_it_is(text[end:])]) or render_html("", format="text")


def _as_it_is(text: str) -> str:
    return render_html(text.strip("\n"), format="text") if text.strip() else ""


def _fold(title: str, table: str) -> str:
    return f"<details><summary>{text_html(title)}</summary>{render_html(table)}</details>"
