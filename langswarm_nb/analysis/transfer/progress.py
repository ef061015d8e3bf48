"""How far a long piece of work has got: one output in a notebook, one line in a terminal, nothing when it is quick."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any, Literal, Self

from langswarm_nb.core.session.errors import SessionValueError

MODES = ("auto", "html", "text", "off")
QUIET_S = 1.0
"""Work that ends sooner shows nothing."""
_INTERVAL_S = 0.25
_BAR = 24

Mode = Literal["html", "text", "off"]


class Progress:
    """Counts steps, and shows the count at most four times a second.

    ``LANGSWARM_PROGRESS`` chooses: ``auto`` (the default), ``html`` (an output of the cell), ``text`` (a line of
    stderr), ``off``. A notebook keeps one output, which says the final state also without a kernel, and holds no times.

    Parameters
    ----------
    what : str
        What is done, e.g. ``"exporting"``.
    total : int
        How many steps there are.
    unit : str
        What a step is, e.g. ``"session"``.
    """

    def __init__(self, what: str, total: int, unit: str = "row") -> None:
        self.what: str = what
        self.total: int = total
        self.unit: str = unit
        self.done: int = 0
        self._end: str | None = None  # how it ended; None while it goes on
        self._mode = chosen_mode()
        self._started = self._shown_at = time.monotonic()
        self._handle: Any = None
        self._has_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end = "" if kind is None else ", stopped"
        if self._handle is not None or self._has_line:
            self._show()
        if self._has_line:
            sys.stderr.write("\n")

    def advance(self, steps: int = 1) -> None:
        """Count steps that are done."""
        self.done += steps
        now = time.monotonic()
        if self._mode != "off" and now - self._started >= QUIET_S and now - self._shown_at >= _INTERVAL_S:
            self._shown_at = now
            self._show()

    def __str__(self) -> str:
        units = self.unit if self.total == 1 else f"{self.unit}s"
        line = f"{self.what}: {self.done:,} of {self.total:,} {units}"
        if self._end is not None:
            return line + self._end
        elapsed = time.monotonic() - self._started
        rate = self.done / elapsed if elapsed > 0 else 0.0
        left = f", {(self.total - self.done) / rate:,.0f} s left" if rate > 0 else ""
        return f"{line}, {rate:,.0f} {self.unit}s/s{left}"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        share = self.done / self.total if self.total else 1.0
        text = str(self)
        bar = f'<progress value="{self.done}" max="{max(self.total, 1)}" aria-label="{self.what}"></progress>'
        return {"text/plain": f"{_drawn(share)} {text}", "text/html": f"{bar} <small>{text}</small>"}

    def _show(self) -> None:
        if self._mode == "text":
            share = self.done / self.total if self.total else 1.0
            sys.stderr.write(f"\r{_drawn(share)} {self}\x1b[K")
            sys.stderr.flush()
            self._has_line = True
        elif self._handle is None:
            from IPython.display import display

            self._handle = display(self, display_id=True)
        else:
            self._handle.update(self)


def _drawn(share: float) -> str:
    full = round(share * _BAR)
    return f"[{'#' * full}{'.' * (_BAR - full)}]"


def say(line: str) -> None:
    """Show a line where somebody sees it, as a progress would be shown, in a program without a screen nowhere."""
    mode = chosen_mode()
    if mode == "html":
        print(line)  # noqa: T201 - the output of the cell; stderr would look like a failure there
    elif mode == "text":
        sys.stderr.write(f"{line}\n")


def chosen_mode() -> Mode:
    """Return how progress is shown here.

    Raises
    ------
    SessionValueError
        ``LANGSWARM_PROGRESS`` is none of `MODES`.
    """
    wanted = os.environ.get("LANGSWARM_PROGRESS", "auto")
    if wanted not in MODES:
        raise SessionValueError.of("LANGSWARM_PROGRESS", wanted, MODES)
    if wanted != "auto":
        return wanted  # type: ignore[return-value]  # one of the others
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if hasattr(shell, "kernel"):
        return "html"
    return "text" if sys.stderr.isatty() else "off"
