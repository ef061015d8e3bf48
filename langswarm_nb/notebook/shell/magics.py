"""`LangSwarmMagics`: ``%%langswarm`` sends the cell, ``%langswarm`` does everything else.

What they need is imported when they are first used, so that ``%load_ext`` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, magics_class, no_var_expand

from langswarm_nb.notebook.bridge import kernel_shell
from langswarm_nb.notebook.cell_errors import short_errors
from langswarm_nb.notebook.config import NotebookConfig
from langswarm_nb.notebook.workspace import Workspace

from .price_notice import PriceNotice
from .pulse import Pulse
from .tab_completion import Completion

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.notebook.asking.send import Answer

NAME = "langswarm"


@magics_class
class LangSwarmMagics(NotebookConfig, Magics):
    """The magics of one shell; a magic parses, calls the library through the bridge, and shows."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        super().__init__(shell=shell, **kwargs)
        self.workspace: Workspace = Workspace(shell, self)
        self.completion: Completion = Completion(shell, self.workspace)
        self.pulse: Pulse = Pulse()
        self.price_notice: PriceNotice = PriceNotice()
        self.magics["line"][NAME] = no_var_expand(Magic(short_errors(self.command)))
        self.magics["cell"][NAME] = no_var_expand(Magic(short_errors(self.cell)))

    def command(self, line: str) -> Any:
        """Run a command."""
        from langswarm_nb.notebook.commands import run_command

        return run_command(self.workspace, line)

    def cell(self, line: str, cell: str) -> Answer | None:
        """Send the cell to a model."""
        from langswarm_nb.notebook.asking.magic_parser import asks_for_help
        from langswarm_nb.notebook.asking.options import parse_cell_line
        from langswarm_nb.notebook.asking.send import converse, prompt_of

        if asks_for_help(line):
            self.command("help")
            return None
        options = parse_cell_line(line)
        # IPython adds a line end; in a terminal blank lines are how a cell is ended.
        text = cell.rstrip("\n") if kernel_shell() is None else cell.removesuffix("\n")
        answer = converse(self.workspace, prompt_of(self.workspace, text, options), options)
        if options.name is None:
            return answer
        self.shell.user_ns[options.name] = answer
        return None


class Magic:
    """A magic whose help is made from the parsers when ``%%langswarm?`` asks for it."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.__name__ = NAME
        self._run = run

    def __call__(self, line: str, cell: str | None = None) -> Any:
        return self._run(line) if cell is None else self._run(line, cell)

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # made when it is asked for
        from langswarm_nb.notebook.commands import cell_help

        return cell_help()
