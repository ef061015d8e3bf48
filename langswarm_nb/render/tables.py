"""Small tables, from one value as HTML and as plain text: `Table` of rows, and facts of one thing.

A cell is a value, shown as `str` does, or one of `Code`, `Marked`, `Branch`, which say how it looks. All of it is
escaped; what hides is visible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .controls import visible_controls
from .escaping import code_html, text_html
from .page import scoped_page

__all__ = ["Branch", "Code", "Marked", "Table", "cut", "facts_html", "facts_text"]

_MAX_TEXT_CHARS = 60
_MAX_HTML_CHARS = 160
_MAX_FACT_CHARS = 300
_SHORT_CHARS = 24
"""A column of no longer texts, such as moments and names, is not broken into lines."""
HERE = "→"
"""Stands in the first column of the row that is the current one."""


@dataclass(frozen=True, slots=True)
class Code:
    """What can be typed: a name, a number of a version, a line."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Marked:
    """Text in which some words are marked, in any case, where they begin a word."""

    text: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Branch:
    """Text behind the lines of a tree, which keep their width."""

    lines: str
    text: str

    def __str__(self) -> str:
        return f"{self.lines}{self.text}"


@dataclass(frozen=True)
class Table:
    """Rows of a few columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    """Plain text above it."""
    note: str = ""
    """Plain text below it."""
    here: frozenset[int] = field(default_factory=frozenset)
    """Numbers of rows that stand out, besides those that begin with `HERE`."""

    def html(self) -> str:
        """Return the whole as a page of its own."""
        return scoped_page(self.body_html())

    def body_html(self) -> str:
        """Return the table for use in a page; a column in which nothing stands is left out."""
        columns = [_Column(name, [row[n] for row in self.rows]) for n, name in enumerate(self.columns)]
        columns = [column for column in columns if not column.is_empty]
        head = "".join(column.head_html() for column in columns)
        body = "".join(
            f"<tr{self._mark(n, row)}>{''.join(column.cell_html(n) for column in columns)}</tr>"
            for n, row in enumerate(self.rows)
        )
        caption, note = _line_html("caption", self.caption), _line_html("note", self.note)
        return caption + _table_html(f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>") + note

    def text(self) -> str:
        """Return the table as aligned text, long cells cut."""
        return "\n".join([*_some(self.caption), _aligned([self.columns, *self.rows]), *_some(self.note)])

    def _mark(self, number: int, row: Sequence[Any]) -> str:
        is_here = number in self.here or (bool(row) and str(row[0]) == HERE)
        return ' class="lsnb-here"' if is_here else ""


class _Column:
    """One column in a page."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self._name, self._values = name, values
        there = [value for value in values if value not in {None, ""}]
        self.is_empty = not there
        is_number = bool(there) and all(type(value) in {int, float} for value in there)
        is_short = all(len(str(value)) <= _SHORT_CHARS for value in there)
        self._align = ' align="right"' if is_number else ""
        self._more = self._align + (' class="lsnb-short"' if is_short and not is_number else "")

    def head_html(self) -> str:
        return f'<th scope="col"{self._align}>{text_html(self._name)}</th>' if self._name else "<td></td>"

    def cell_html(self, row: int) -> str:
        return f"<td{self._more}>{_value_html(self._values[row])}</td>"


def facts_html(facts: Mapping[str, Any], caption: str = "") -> str:
    """Return names and values of one thing as a page."""
    rows = "".join(
        f'<tr><th scope="row">{text_html(name)}</th><td>{_value_html(value, _MAX_FACT_CHARS)}</td></tr>'
        for name, value in facts.items()
    )
    return scoped_page(_line_html("caption", caption) + _table_html(f"<tbody>{rows}</tbody>"))


def facts_text(facts: Mapping[str, Any]) -> str:
    """Return names and values of one thing, one per line."""
    width = max(map(len, facts), default=0)
    return "\n".join(f"{name:<{width}}  {visible_controls(str(value))}" for name, value in facts.items())


def _value_html(value: Any, size: int = _MAX_HTML_CHARS) -> str:
    if value is None:
        return ""
    if type(value) is int:
        return f"{value:,}"
    if isinstance(value, Branch):
        lines, text = f"<span>{code_html(value.lines)}</span>", f"<span>{_text_html(value.text, size)}</span>"
        return f'<div class="lsnb-branch">{lines}{text}</div>'
    if isinstance(value, Code):
        return f"<code>{code_html(cut(value.text, size))}</code>"
    if isinstance(value, Marked):
        return _marked_html(value, size)
    return _text_html(str(value), size)


def _text_html(text: str, size: int) -> str:
    return text_html(cut(text, size))


def _marked_html(marked: Marked, size: int) -> str:
    text = cut(marked.text, size)
    longest_first = sorted(filter(None, marked.words), key=len, reverse=True)
    pattern = "|".join(rf"(?<![a-zA-Z0-9]){re.escape(word)}" for word in longest_first)
    if not pattern:
        return text_html(text)
    pieces = re.split(f"({pattern})", text, flags=re.IGNORECASE)  # those at odd places are the words
    return "".join(
        f"<mark>{text_html(piece)}</mark>" if n % 2 else text_html(piece) for n, piece in enumerate(pieces)
    )


def _table_html(rows: str) -> str:
    return f'<div class="lsnb-table"><table class="lsnb-rows">{rows}</table></div>'


def _line_html(name: str, text: str) -> str:
    return f'<div class="lsnb-{name}">{text_html(text)}</div>' if text else ""


def _some(text: str) -> Iterable[str]:
    return [visible_controls(text)] if text else []


def _aligned(rows: Sequence[Sequence[Any]]) -> str:
    texts = [["" if value is None else cut(str(value), _MAX_TEXT_CHARS) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def cut(text: str, size: int) -> str:
    """Return text as one line, with what hides visible, and no longer than a cell should be."""
    line = visible_controls(" ".join(text.split()))
    return line if len(line) <= size else f"{line[: size - 1]}…"
