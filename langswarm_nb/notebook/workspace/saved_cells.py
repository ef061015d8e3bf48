"""The cells of a notebook as it was saved, with the prompts that can be read from them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langswarm_nb.core.session import SessionStorageError, SessionValueError
from langswarm_nb.core.session.conversation.homes import file_name
from langswarm_nb.core.session.conversation.syncing import SavedCell
from langswarm_nb.core.session.files import read_text

_WHOLE_CELL = re.compile(r"\s*%%langswarm(?:[ \t][^\n]*)?\n(?P<text>.*)", re.DOTALL)
_LINE = re.compile(r"\s*%langswarm[ \t]+ask[ \t]+(?P<text>[^\n]+)\s*")


def saved_cells(home: str) -> tuple[list[SavedCell], datetime]:
    """Return the code cells of a notebook's file, and when it was saved.

    Parameters
    ----------
    home : str
        The notebook, as its front end names it.

    Raises
    ------
    SessionStorageError
        There is no such file on this machine, or it cannot be read.
    SessionValueError
        It is not a notebook.
    """
    path = Path(home)
    if not path.is_absolute():
        raise SessionStorageError(
            f"{file_name(home)} is not a file on this machine, so its cells cannot be read."
        )
    try:
        cells = json.loads(read_text(path))["cells"]
        saved_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return [_cell(cell) for cell in cells if cell["cell_type"] == "code"], saved_at
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, SessionValueError):
            raise
        raise SessionValueError(
            f"{file_name(home)} is not a notebook that can be read ({type(error).__name__}: {error}). Save it again."
        ) from error


def _cell(cell: dict[str, Any]) -> SavedCell:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    cell_id = cell.get("id")
    return SavedCell(cell_id if isinstance(cell_id, str) else None, _prompt(text))


def _prompt(source: str) -> str:
    """Return the prompt of a cell; empty where it is made of values, or asks from Python."""
    found = _WHOLE_CELL.fullmatch(source) or _LINE.fullmatch(source)
    text = found["text"].strip() if found else ""
    return "" if "{{" in text else text
