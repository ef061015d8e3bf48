"""CSV that a spreadsheet shows and does not run."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

# What makes a spreadsheet take a cell for a formula, in ASCII and as full-width forms; before it may stand blanks and
# characters that are not seen, which some programs take away.
_FORMULA = re.compile(
    "[\t\r\n]|[\\s\0-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
)


def safe_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV text in which no text begins a formula.

    A text that begins with ``=``, ``+``, ``-``, ``@``, tab, return, newline or a full-width form of these, after blanks
    and unseen characters too, gets an apostrophe in front, which spreadsheets take as "this is text". Numbers and times
    stay as they are. The frame itself is not changed.
    """
    safe = frame.rename(columns=_as_text)
    for place, dtype in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_datetime64_any_dtype(dtype):
            column = frame.iloc[:, place].astype(object)
            safe = safe.assign(**{str(safe.columns[place]): column.map(_as_text, na_action="ignore")})
    # \r\n ends lines for every spreadsheet; csv puts quotes around a text that holds one of its own.
    return str(safe.to_csv(index=False, lineterminator="\r\n"))


def _as_text(value: Any) -> Any:
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value
