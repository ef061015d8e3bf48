"""JSON values as tables: an object's names and values, a list's rows; in a page, in plain text, and while they grow.

What a model answers is hostile: names and values are escaped, cut, and counted. What is nested unfolds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .escaping import text_html
from .links import attribute
from .tables import Table, cut, facts_text

__all__ = ["MAX_ROWS", "growing_value_html", "problems_html", "value_html", "value_text"]

MAX_ROWS = 50
"""Of a list, or names of an object."""
_MAX_COLUMNS = 30
_MAX_NAME_CHARS = 60
_MAX_CHARS = 160
_MAX_FACT_CHARS = 1200
"""Of one value of an object that stands alone, which has the width of the page."""
_MAX_TITLE_CHARS = 2000
_TITLES_CHARS = 20_000
"""Of the whole texts that cut cells show when they are pointed at, all together."""
_FOLDED_CHARS = 20_000
"""The same of what unfolds."""
_MAX_DEPTH = 3
_SHORT_CHARS = 24
_HEAD_ROWS, _END_ROWS = 5, 10
"""Of a long list while it grows: its beginning, which a reader has not left behind yet, and what is being written."""
_VALUE = "value"
"""Name of what has none."""
_NOTHING = '<em class="lsnb-none">null</em>'


def value_html(data: Any, columns: Sequence[str] = (), *, more: str = "") -> str:
    """Return a value as a table, for use in a page.

    Parameters
    ----------
    data
        JSON: an object becomes two columns, a list a row for each of its items.
    columns
        Names in their order; what else objects have follows them.
    more
        What to do to see the rows beyond `MAX_ROWS`.
    """
    return _Page(more).table(data, columns)


def growing_value_html(data: Any, columns: Sequence[str] = ()) -> str:
    """Return a value that is not whole yet; of a long list its beginning and its end, so that it costs the same."""
    return _Growing("").table(data, columns)


def value_text(data: Any, columns: Sequence[str] = (), *, more: str = "") -> str:
    """Return a value as aligned text, long cells cut."""
    if isinstance(data, Mapping) and data:
        shown = dict(list(data.items())[:MAX_ROWS])
        facts = {_name(name): _words(value, _MAX_CHARS) for name, value in shown.items()}
        note = _left_out(len(data) - len(shown), "value", more)
        return "\n".join(filter(None, [facts_text(facts), note]))
    rows = data if isinstance(data, list) else [data]
    names, beyond = _names(rows, columns)
    cells = [[_words(value, _MAX_CHARS) for value in _cells(row, names)] for row in rows[:MAX_ROWS]]
    notes = [_left_out(len(rows) - MAX_ROWS, "row", more), _left_out(beyond, "column", more)]
    return Table([_name(name) for name in names], cells, note=" · ".join(filter(None, notes))).text()


def problems_html(problems: Sequence[str], head: str, *, most: int = 5) -> str:
    """Return what is wrong with an answer as a short list, for use in a page."""
    listed = "".join(f"<li>{text_html(cut(problem, _MAX_CHARS * 2))}</li>" for problem in problems[:most])
    beyond = _left_out(len(problems) - most, "problem", "")
    more = f'<p class="lsnb-note">{text_html(beyond)}</p>' if beyond else ""
    return f'<div class="lsnb-problems"><p>{text_html(head)}</p><ul>{listed}</ul>{more}</div>'


class _Page:
    """Makes one table, and counts what its cells hold beyond what they show."""

    is_growing = False

    def __init__(self, more: str) -> None:
        self._more = more
        self._titles_chars, self._folded_chars = _TITLES_CHARS, _FOLDED_CHARS

    def table(self, data: Any, columns: Sequence[str] = (), depth: int = 0) -> str:
        if isinstance(data, Mapping) and data:
            return self._object(data, depth)
        return self._list(
            data if isinstance(data, list) else [data], columns, depth, is_list=isinstance(data, list)
        )

    def _object(self, data: Mapping[str, Any], depth: int) -> str:
        shown = list(data.items())[:MAX_ROWS]
        size = _MAX_FACT_CHARS if depth == 0 else _MAX_CHARS
        rows = "".join(
            f'<tr><th scope="row">{text_html(_name(name))}</th><td>{self._value(value, size, depth)}</td></tr>'
            for name, value in shown
        )
        return _table(f"<tbody>{rows}</tbody>") + self._note(
            _left_out(len(data) - len(shown), "value", self._more)
        )

    def _list(self, rows: Sequence[Any], columns: Sequence[str], depth: int, *, is_list: bool) -> str:
        names, beyond = _names(rows, columns)
        shown = {n: [] if n is None else _cells(rows[n], names) for n in self._shown(len(rows))}
        styles = [_style(values) for values in zip(*filter(None, shown.values()), strict=True)]
        styles = styles or [_style(())] * len(names)
        corner = '<td class="lsnb-at"></td>' if is_list else ""
        head = "".join(
            f'<th scope="col"{align}>{text_html(_name(name))}</th>'
            for name, (align, _) in zip(names, styles, strict=True)
        )
        body = "".join(
            self._skipped(len(rows), len(names))
            if n is None
            else self._row(n if is_list else None, values, styles, depth)
            for n, values in shown.items()
        )
        notes = [
            _left_out(len(rows) - MAX_ROWS, "row", self._more) if not self.is_growing else "",
            _left_out(beyond, "column", self._more),
            "no rows" if is_list and not rows and not self.is_growing else "",
        ]
        return _table(f"<thead><tr>{corner}{head}</tr></thead><tbody>{body}</tbody>") + self._note(
            " · ".join(filter(None, notes))
        )

    def _row(
        self, number: int | None, values: Sequence[Any], styles: Sequence[tuple[str, str]], depth: int
    ) -> str:
        first = "" if number is None else f'<th scope="row" class="lsnb-at">{number}</th>'
        cells = "".join(
            f"<td{align}{more}>{self._value(value, _MAX_CHARS, depth)}</td>"
            for value, (align, more) in zip(values, styles, strict=True)
        )
        return f"<tr>{first}{cells}</tr>"

    def _shown(self, count: int) -> list[int | None]:
        """Return the numbers of the rows that are shown; None stands for those between."""
        return list(range(min(count, MAX_ROWS)))

    @staticmethod
    def _skipped(count: int, width: int) -> str:
        left_out = count - _HEAD_ROWS - _END_ROWS
        told = f'<td colspan="{width}" class="lsnb-short">{left_out:,} rows</td>'
        return f'<tr><th scope="row" class="lsnb-at">…</th>{told}</tr>'

    def _note(self, text: str) -> str:
        return f'<p class="lsnb-note">{text_html(text)}</p>' if text else ""

    def _value(self, value: Any, size: int, depth: int) -> str:
        if value is _MISSING:
            return ""
        if value is None:
            return _NOTHING
        if isinstance(value, (dict, list)) and value and not _is_flat(value):
            return self._nested(value, size, depth)
        return self._text(_plain(value), size)

    def _nested(self, value: Any, size: int, depth: int) -> str:
        """Return what unfolds; where that is too much, its JSON, cut."""
        text = _json(value)
        if len(text) <= _SHORT_CHARS * 2 or depth >= _MAX_DEPTH or len(text) > self._folded_chars:
            return f"<code>{self._text(text, size)}</code>"
        self._folded_chars -= len(text)
        count = len(value)
        word = ("item" if isinstance(value, list) else "value") + "s" * (count != 1)
        inner = self.table(value, (), depth + 1)
        return f'<details class="lsnb-nested"><summary>{count:,} {word}</summary>{inner}</details>'

    def _text(self, text: str, size: int) -> str:
        line, whole = cut(text, size), text[:_MAX_TITLE_CHARS]
        if not line.endswith("…") or len(" ".join(text.split())) <= size or len(whole) > self._titles_chars:
            return text_html(line)
        self._titles_chars -= len(whole)
        return f'<span title="{attribute(whole)}">{text_html(line)}</span>'


class _Growing(_Page):
    """Makes a table of what has arrived: nothing unfolds, and no cell holds more than it shows."""

    is_growing = True

    def _shown(self, count: int) -> list[int | None]:
        if count <= _HEAD_ROWS + _END_ROWS + 1:
            return list(range(count))
        return [*range(_HEAD_ROWS), None, *range(count - _END_ROWS, count)]

    def _object(self, data: Mapping[str, Any], depth: int) -> str:
        last = dict(list(data.items())[-(_HEAD_ROWS + _END_ROWS) :])
        return super()._object(last, depth)

    def _nested(self, value: Any, size: int, depth: int) -> str:
        # The end is what is being written.
        text = _json(value)
        return f"<code>{text_html(text if len(text) <= size else f'…{text[1 - size :]}')}</code>"

    def _text(self, text: str, size: int) -> str:
        return text_html(cut(text, size))


_MISSING: Any = object()
"""An object has no value of this name."""


def _names(rows: Sequence[Any], columns: Sequence[str]) -> tuple[list[str | None], int]:
    """Return the names of the columns, None for that of values without one; and how many there are beyond those."""
    found = dict.fromkeys(columns)
    for row in rows:
        found.update(dict.fromkeys(row if isinstance(row, Mapping) else ()))
    names: list[str | None] = list(found)
    if not names or any(not isinstance(row, Mapping) for row in rows):
        names = [None, *(name for name in names if name != _VALUE)] if names != [_VALUE] else [None]
    return names[:_MAX_COLUMNS], max(0, len(names) - _MAX_COLUMNS)


def _cells(row: Any, names: Iterable[str | None]) -> list[Any]:
    """Return what a row has under each name; what is not an object stands under None."""
    if isinstance(row, Mapping):
        return [_MISSING if name is None else row.get(name, _MISSING) for name in names]
    return [row if name is None else _MISSING for name in names]


def _style(values: Sequence[Any]) -> tuple[str, str]:
    """Return the attributes of a column's cells: numbers to the right, short texts not broken into lines."""
    there = [value for value in values if value is not None and value is not _MISSING]
    if there and all(type(value) in {int, float} for value in there):
        return ' align="right"', ""
    is_short = all(
        (_is_flat(value) or not isinstance(value, (dict, list))) and len(_plain(value)) <= _SHORT_CHARS
        for value in there
    )
    return "", ' class="lsnb-short"' if is_short else ""


def _is_flat(value: Any) -> bool:
    """Tell whether a value is a list of short plain values, which are read on one line."""
    return isinstance(value, list) and all(
        not isinstance(item, (dict, list)) and len(str(item)) <= _MAX_NAME_CHARS for item in value
    )


def _plain(value: Any) -> str:
    if isinstance(value, list) and value:
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else _json(value)


def _words(value: Any, size: int) -> str:
    if value is _MISSING or value is None:
        return ""
    return cut(_plain(value) if _is_flat(value) or not isinstance(value, list) else _json(value), size)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _name(name: str | None) -> str:
    return cut(_VALUE if name is None else str(name), _MAX_NAME_CHARS)


def _left_out(count: int, word: str, more: str) -> str:
    if count <= 0:
        return ""
    return f"+{count:,} {word}{'s' * (count != 1)}{more and f', {more}'}"


def _table(rows: str) -> str:
    return f'<div class="lsnb-table"><table class="lsnb-rows lsnb-value">{rows}</table></div>'
