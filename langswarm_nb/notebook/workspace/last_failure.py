"""The cell that failed last, for ``%langswarm fix``."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

_MAX_TRACEBACK_CHARS = 6000


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell and what it raised."""

    code: str
    traceback: str
    """Text, so that no frame is kept alive."""
    cell_id: str | None = None
    """The cell; None when the front end does not say."""

    @property
    def prompt(self) -> str:
        """The question to a model."""
        trace = self.traceback
        if len(trace) > _MAX_TRACEBACK_CHARS:
            half = _MAX_TRACEBACK_CHARS // 2
            trace = f"{trace[:half]}\n…\n{trace[-half:]}"
        return (
            "This cell of a Jupyter notebook fails. Say why in a sentence or two, then give the whole corrected "
            f"cell in one code block.\n\n```python\n{self.code.rstrip()}\n```\n\n```\n{trace.rstrip()}\n```"
        )


class CellResult(Protocol):
    """What we read of IPython's ``ExecutionResult``, which has no types."""

    info: Any
    error_before_exec: BaseException | None
    error_in_exec: BaseException | None


class FailureWatch:
    """Remembers the last cell that failed, until it succeeds; `see` is called after each cell.

    Parameters
    ----------
    cell_id : callable
        Returns the id of the cell that ran; None when the front end does not say.
    """

    def __init__(self, cell_id: Callable[[], str | None]) -> None:
        self._cell_id = cell_id
        self.last: Failure | None = None

    def see(self, result: CellResult | None) -> None:
        """Look at how a cell ended; an interrupted one may have no result."""
        if result is None or result.info is None:
            return
        code, cell_id = result.info.raw_cell or "", self._cell_id()
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            if self.last is not None and self._is_same(self.last, code, cell_id):
                self.last = None
        elif isinstance(error, Exception) and not code.lstrip().startswith(("%langswarm", "%%langswarm")):
            self.last = Failure(code, "".join(traceback.format_exception(error)), cell_id)

    @staticmethod
    def _is_same(failure: Failure, code: str, cell_id: str | None) -> bool:
        return failure.code == code if cell_id is None else failure.cell_id == cell_id
