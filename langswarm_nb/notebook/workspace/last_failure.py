"""The cell that failed last, for ``%langswarm fix``."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any, Protocol

_MAX_TRACEBACK_CHARS = 6000


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell and what it raised."""

    code: str
    traceback: str
    """Text, so that no frame is kept alive."""

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
    """What we read of IPython's ``ExecutionResult``, which tells no types."""

    info: Any
    error_before_exec: BaseException | None
    error_in_exec: BaseException | None


class FailureWatch:
    """Remembers the last cell that failed; `see` is called after each cell."""

    def __init__(self) -> None:
        self.last: Failure | None = None

    def see(self, result: CellResult | None) -> None:
        """Look at how a cell ended; an interrupted one may have no result."""
        if result is None:
            return
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, Exception) and result.info is not None:
            code = result.info.raw_cell or ""
            if not code.lstrip().startswith(("%langswarm", "%%langswarm")):
                self.last = Failure(code, "".join(traceback.format_exception(error)))
