"""`Command`: one word after ``%langswarm``, with its arguments, its help and what it does."""

from __future__ import annotations

import inspect
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langswarm_nb.notebook.asking.magic_parser import MagicParser
from langswarm_nb.notebook.asking.options import split_line
from langswarm_nb.notebook.bridge import run_sync

from .results import Text

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command, as its parser takes it."""

    names: tuple[str, ...]
    settings: dict[str, Any]


def arg(*names: str, **settings: Any) -> Argument:
    """Return an argument; parameters as in `MagicParser.add_argument`."""
    return Argument(names, settings)


@dataclass(frozen=True, slots=True)
class Command:
    """What ``%langswarm NAME …`` does."""

    name: str
    run: Callable[..., Any]
    """Gets the workspace, and the arguments by name; may be async."""
    help: str
    """One sentence without its full stop."""
    arguments: tuple[Argument, ...] = ()
    text: str = ""
    """Name of an argument that is the rest of the line as it stands; such a command has no other. It may end in ``?``,
    which IPython is kept from taking for a call for help."""

    @property
    def parser(self) -> MagicParser:
        """The parser of what follows the name."""
        usage = f"%langswarm {self.name} {self.text}" if self.text else None
        parser = MagicParser(
            f"%langswarm {self.name}", usage=usage, description=f"{self.help[:1].upper()}{self.help[1:]}."
        )
        for argument in self.arguments:
            parser.add_argument(*argument.names, **argument.settings)
        return parser

    @property
    def synopsis(self) -> str:
        """The command with its arguments, on one line."""
        return " ".join(self.parser.format_usage().replace("%langswarm ", "", 1).split())

    def __call__(self, workspace: Workspace, rest: str) -> Any:
        """Run the command on the rest of the line."""
        if self.text:
            arguments = Namespace(text=rest.strip())
            if not arguments.text:
                self.parser.error(f"{self.text} is missing")
        else:
            arguments = self.parser.parse_line(split_line(rest))
        result = self.run(workspace, **vars(arguments))
        value = run_sync(result) if inspect.isawaitable(result) else result
        return Text(value) if type(value) is str else value
