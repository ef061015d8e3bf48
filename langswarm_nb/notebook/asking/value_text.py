"""How a value of the user's stands in a prompt: text as it is, frames and arrays as tables, the rest as its repr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.notebook.showing.shown_once import ShownOnce

MAX_CHARS = 4000
"""Longest repr."""
MAX_ROWS = 20
MAX_COLUMNS = 50
_MAX_CELL_CHARS = 200


_ANSWERS = (ShownOnce, SessionMessage)
"""Replies, comparisons and messages stand for their texts."""


def value_text(value: Any) -> str:
    """Return the text that stands for a value in a prompt.

    Raises
    ------
    Exception
        Whatever the methods of the value's class raise.
    """
    if isinstance(value, (str, ShownOnce)):
        return str(value)
    if isinstance(value, SessionMessage):
        return value.content
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, _ANSWERS) for item in value):
        return "\n\n".join(map(value_text, value))
    return _frame_text(value) or _array_text(value) or _cut(repr(value))


def is_picture(value: Any) -> bool:
    """Tell whether a value is a figure or an image, whose text says nothing of what is on it."""
    rooms = {cls.__module__.partition(".")[0] for cls in type(value).__mro__}
    if "matplotlib" in rooms:
        return callable(getattr(value, "savefig", None)) or callable(getattr(value, "get_figure", None))
    return "PIL" in rooms or any(
        (cls.__module__, cls.__name__) == ("IPython.core.display", "Image") for cls in type(value).__mro__
    )


def markdown_table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; what would end a cell or a row is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _frame_text(value: Any) -> str:
    pandas = sys.modules.get("pandas")  # a value can only be a frame when somebody has imported it
    if pandas is None or not isinstance(value, (pandas.DataFrame, pandas.Series)):
        return ""
    if isinstance(value, pandas.Series):
        name = "" if value.name is None else f" {value.name}"
        title = f"Series{name}: {len(value)} rows, dtype {value.dtype}{_first(value)}"
        column = "value" if value.name is None else value.name
        return f"{title}\n\n{_frame_table(value.head(MAX_ROWS).to_frame(name=column))}"
    rows, columns = value.shape
    shown = value.iloc[:MAX_ROWS, :MAX_COLUMNS]
    dtypes = ", ".join(f"{name}: {dtype}" for name, dtype in shown.dtypes.items())
    more = f", and {columns - MAX_COLUMNS} more columns" if columns > MAX_COLUMNS else ""
    return f"DataFrame: {rows} rows x {columns} columns{_first(value)}\ndtypes: {dtypes}{more}\n\n{_frame_table(shown)}"


def _first(value: Any) -> str:
    return f" (the first {MAX_ROWS} rows follow)" if len(value) > MAX_ROWS else ""


def _frame_table(frame: Any) -> str:
    names = [name if name is not None else "" for name in frame.index.names]
    plain = type(frame.index).__name__ == "RangeIndex"
    header = [] if plain else [" / ".join(map(str, names))]
    header += [" / ".join(map(str, name)) if isinstance(name, tuple) else name for name in frame.columns]
    rows = (
        ([] if plain else [" / ".join(map(str, row[0])) if isinstance(row[0], tuple) else row[0]])
        + list(row[1:])
        for row in frame.itertuples(name=None)
    )
    return markdown_table(header, rows)


def _array_text(value: Any) -> str:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return str(value)  # 5, and not np.int64(5)
    if numpy is None or not isinstance(value, numpy.ndarray) or value.ndim not in (1, 2):
        return ""
    title = f"array: shape {' x '.join(map(str, value.shape))}, dtype {value.dtype}"
    first = _first(value)
    if value.ndim == 1:
        return f"{title}{first}\n\n{', '.join(_cell(item) for item in value[:MAX_ROWS].tolist())}"
    rows = value[:MAX_ROWS, :MAX_COLUMNS].tolist()
    return f"{title}{first}\n\n{markdown_table(range(len(rows[0]) if rows else 0), rows)}"


def _cell(value: Any) -> str:
    text = (
        value if isinstance(value, str) else float.__repr__(value) if isinstance(value, float) else str(value)
    )
    text = text.replace("\\", "\\\\").replace("|", "\\|").replace("\r", " ").replace("\n", " ")
    return text if len(text) <= _MAX_CELL_CHARS else f"{text[:_MAX_CELL_CHARS]}…"


def _cut(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}… ({len(text) - MAX_CHARS:,} characters left out)"
