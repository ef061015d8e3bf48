"""`LangSwarmMagics`: ``%%langswarm`` sends the cell, ``%langswarm`` does everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from .asking import Asking
from .bridge import run_sync
from .cells import running_cell
from .commands import cell_help, run_command
from .config import NotebookConfig
from .errors import short_errors, stopped
from .footer import footer_line
from .interpolate import Prompt, interpolate
from .options import CellOptions, parse_cell_line
from .reply import Reply
from .view import NoView, View
from .workspace import Workspace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class LangSwarmMagics(NotebookConfig, Magics):
    """The magics of one shell; a magic parses, calls the library through the bridge, and shows."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        super().__init__(shell=shell, **kwargs)
        self.workspace = Workspace(shell, self)

    @no_var_expand
    @line_magic("langswarm")  # type: ignore[arg-type]  # IPython types its decorators for bare functions
    @short_errors
    def command(self, line: str) -> Any:
        """Run a command; ``%langswarm help`` lists them."""
        return run_command(self.workspace, line)

    @no_var_expand
    @cell_magic("langswarm")  # type: ignore[arg-type]
    @short_errors
    def cell(self, line: str, cell: str) -> Reply | None:
        """Send the cell to a model."""
        options = parse_cell_line(line)
        reply = self.ask(self._prompt(cell.removesuffix("\n"), options), options)
        if options.name is None:
            return reply
        self.shell.user_ns[options.name] = reply
        return None

    def ask(self, prompt: Prompt, options: CellOptions) -> Reply:
        """Send a prompt, show the reply, and return it."""
        view: View = NoView()
        asking = Asking(self.workspace, prompt, options, running_cell(self.shell), view)
        try:
            reply = run_sync(asking.run())
        except KeyboardInterrupt as error:
            if (part := asking.reply) is None:
                raise stopped("stopped before an answer came; the prompt is kept.") from error
            self._finish(view, part, asking)
            raise stopped(
                "stopped; what had arrived is kept. Run the cell again for a new version."
            ) from error
        except Exception:
            if (part := asking.reply) is not None and part.text:
                self._finish(view, part, asking)
            raise
        self._finish(view, reply, asking)
        return reply

    def _finish(self, view: View, reply: Reply, asking: Asking) -> None:
        view.finish(reply, footer_line(reply, place=asking.place_text))

    def _prompt(self, text: str, options: CellOptions) -> Prompt:
        if not text.strip():
            raise UsageError("The cell has no prompt: write it into the lines below the first.")
        if options.raw or not self.interpolate:
            return Prompt(text)
        return interpolate(text, self.shell.user_ns)


LangSwarmMagics.cell.__doc__ = cell_help()  # type: ignore[assignment]
