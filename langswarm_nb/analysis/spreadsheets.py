"""Frames for spreadsheets: what a spreadsheet cannot hold is written so that it can, and nothing runs as a formula."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

MAX_CELL_CHARS = 32_767
"""Of one cell in Excel, which drops the rest silently."""

# What makes a spreadsheet take a cell for a formula, in ASCII and as full-width forms; before it may stand blanks and
# characters that are not seen, which some programs take away.
_FORMULA = re.compile(
    "[\t\r\n]|[\\s\0-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
)
_NOT_IN_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

_NOTE_CHARS = 40


class _AnyDataFrame(type):
    def __instancecheck__(cls, value: object) -> bool:
        # A comparison that asks for this class is content with any frame of the same content.
        return isinstance(value, pd.DataFrame)


class Frame(pd.DataFrame, metaclass=_AnyDataFrame):
    """A DataFrame that can be written to Excel as it is: its times have a zone, and its texts any character."""

    @property
    def _constructor(self) -> type[Frame]:
        return Frame  # so that what is chosen of a frame is one, too

    def to_excel(  # type: ignore[misc]  # final in pandas-stubs only
        self, excel_writer: Any, *args: Any, **options: Any
    ) -> None:
        r"""Write the frame as `pandas.DataFrame.to_excel` does.

        Times, which are UTC, lose their zone, as Excel knows none. A text that would begin a formula gets an apostrophe
        in front, a character that the file cannot hold becomes a code such as ``\x1b``, and a text of more than 32,767
        characters says how many are left out.
        """
        pd.DataFrame(for_excel(self)).to_excel(excel_writer, *args, **options)


def for_excel(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose values Excel can hold; see `Frame.to_excel`."""
    made = mapped_texts(frame, _excel_text)
    columns = {place: _without_zone(made.iloc[:, place]) for place in range(made.shape[1])}
    return pd.DataFrame(columns, index=_without_zone(made.index)).set_axis(made.columns, axis=1)


def mapped_texts(frame: pd.DataFrame, change: Any) -> pd.DataFrame:
    """Return a frame with every text changed, those of its header too."""
    columns = {
        place: column if _has_no_text(column.dtype) else column.astype(object).map(change, na_action="ignore")
        for place, (_, column) in enumerate(frame.items())
    }
    return pd.DataFrame(columns, index=frame.index).set_axis(frame.columns.map(change), axis=1)


def no_formula(value: Any) -> Any:
    """Return a text with an apostrophe in front if it would begin a formula; any other value unchanged."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _has_no_text(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype)


def _excel_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = no_formula(_NOT_IN_XML.sub(lambda found: ascii(found[0])[1:-1], value))
    if len(text) <= MAX_CELL_CHARS:
        return text
    kept = text[: MAX_CELL_CHARS - _NOTE_CHARS]
    return f"{kept}… [{len(text) - len(kept):,} more characters]"


def _without_zone(values: Any) -> Any:
    """Return times in UTC without saying so; other values as they are."""
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        return values
    times = values.dt if isinstance(values, pd.Series) else values
    utc = times.tz_convert("UTC")
    return (utc.dt if isinstance(utc, pd.Series) else utc).tz_localize(None)
