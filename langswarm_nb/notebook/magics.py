"""`LangSwarmMagics`: ``%%langswarm`` sends the cell, ``%langswarm`` does everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from .commands import cell_help, run_command
from .completion import Completion
from .config import NotebookConfig
from .conversing import converse, prompt_of
from .errors import short_errors
from .options import parse_cell_line
from .workspace import Workspace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .conversing import Answer


@magics_class
class LangSwarmMagics(NotebookConfig, Magics):
    """The magics of one shell; a magic parses, calls the library through the bridge, and shows."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        super().__init__(shell=shell, **kwargs)
        self.workspace = Workspace(shell, self)
        self.completion = Completion(shell, self.workspace)

    @no_var_expand
    @line_magic("langswarm")  # type: ignore[arg-type]  # IPython types its decorators for bare functions
    @short_errors
    def command(self, line: str) -> Any:
        """Run a command; ``%langswarm help`` lists them."""
        return run_command(self.workspace, line)

    @no_var_expand
    @cell_magic("langswarm")  # type: ignore[arg-type]
    @short_errors
    def cell(self, line: str, cell: str) -> Answer | None:
        """Send the cell to a model."""
        options = parse_cell_line(line)
        reply = converse(self.workspace, prompt_of(self.workspace, cell.removesuffix("\n"), options), options)
        if options.name is None:
            return reply
        self.shell.user_ns[options.name] = reply
        return None


LangSwarmMagics.cell.__doc__ = cell_help()  # type: ignore[assignment]
