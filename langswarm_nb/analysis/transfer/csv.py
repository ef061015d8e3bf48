"""CSV that a spreadsheet shows and does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langswarm_nb.analysis.spreadsheets import mapped_texts, no_formula

if TYPE_CHECKING:
    import pandas as pd

MARK = "\ufeff"
"""What a file begins with so that a spreadsheet reads it as UTF-8 and not in the code page of the machine."""


def safe_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV text in which no text begins a formula.

    A text that begins with ``=``, ``+``, ``-``, ``@``, tab, return, newline or a full-width form of these, after blanks
    and unseen characters too, gets an apostrophe in front, which spreadsheets take as "this is text". Numbers and times
    stay as they are. The frame itself is not changed.
    """
    # \r\n ends lines for every spreadsheet; csv puts quotes around a text that holds one of its own.
    return str(mapped_texts(frame, no_formula).to_csv(index=False, lineterminator="\r\n"))
