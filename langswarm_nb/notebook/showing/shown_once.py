"""`ShownOnce`: a value that its cell has shown already, so that ``Out[n]`` does not show it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.notebook.bridge import kernel_shell

if TYPE_CHECKING:
    from IPython.lib.pretty import RepresentationPrinter

    from langswarm_nb.notebook.running_cell import Cell


class ShownOnce:
    """A result with two forms: the whole, and nothing (in a terminal one line) in the run that has shown it.

    A subclass gives `bundle`, `short` and perhaps `line`. It defines no ``__repr__``: IPython would take that first.
    """

    _shown: Cell | None = None

    def mark_shown(self, cell: Cell) -> None:
        """Remember the run that shows it."""
        self._shown = cell

    @property
    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The whole as MIME data with its metadata."""
        raise NotImplementedError

    @property
    def short(self) -> str:
        """Its repr: one line, with its class."""
        raise NotImplementedError

    @property
    def line(self) -> str:
        """What a terminal says after it was shown."""
        return self.short

    def __repr__(self) -> str:
        return self.short

    def _ipython_display_(self) -> None:
        shell = kernel_shell()
        if shell is None or not self._is_shown(shell):
            raise NotImplementedError  # IPython then asks for the bundle

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return ({}, {}) if kernel_shell() is None else self.bundle

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        from IPython.core.getipython import get_ipython

        from langswarm_nb.render import visible_controls

        shell = get_ipython()
        is_short = cycle or len(printer.stack) > 1 or (shell is not None and self._is_shown(shell))
        printer.text(self.line if is_short else visible_controls(str(self)))

    def _is_shown(self, shell: Any) -> bool:
        from langswarm_nb.notebook.running_cell import running_cell

        return self._shown is not None and self._shown.run == running_cell(shell).run
