"""What ``%langswarm`` can do: the table of its commands, and the help made from it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.core.session.text import did_you_mean
from langswarm_nb.notebook.asking.cell_flags import cell_parser
from langswarm_nb.notebook.asking.magic_parser import asks_for_help, help_width

from . import about, data, figures, model_lists, models, panels, sessions, sync, tree, writing
from .command import Command, arg

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

__all__ = ["COMMANDS", "cell_help", "command_help", "run_command"]

_MAX_SYNOPSIS_CHARS = 28


def run_command(workspace: Workspace, line: str) -> Any:
    """Run one line and return its result; an empty line shows the status.

    Raises
    ------
    UsageError
        No command has this name (the nearest is named), or its arguments are wrong.
    """
    name, _, rest = line.strip().partition(" ")
    if not name:
        name = "status"
    elif asks_for_help(name):
        name = "help"
    if name not in COMMANDS:
        raise UsageError(
            f"%langswarm: unknown command {name!r}{did_you_mean(name, COMMANDS) or '.'} "
            "`%langswarm help` lists what there is. (A prompt goes below `%%langswarm`, or after `%langswarm ask`.)"
        )
    return _help(workspace, name) if asks_for_help(rest) else COMMANDS[name](workspace, rest)


def cell_help() -> str:
    """Return the help of ``%%langswarm`` and the list of commands."""
    width = max(
        len(command.synopsis) for command in COMMANDS.values() if len(command.synopsis) <= _MAX_SYNOPSIS_CHARS
    )
    lines = [_command_line(command, width) for command in COMMANDS.values()]
    return "\n".join([cell_parser().format_help(), "%langswarm COMMAND", "", *lines, "", EXAMPLES])


def _command_line(command: Command, width: int) -> str:
    column = " " * (width + 4)
    head = f"  {command.synopsis}"
    told = textwrap.fill(command.help, help_width(), initial_indent=column, subsequent_indent=column)
    return f"{head}\n{told}" if len(head) > width + 2 else head + told[len(head) :]


def command_help(name: str) -> str:
    """Return the help of one command."""
    return COMMANDS[name].parser.format_help()


def _help(_workspace: Workspace, name: str | None) -> None:
    if name is not None and name not in COMMANDS:
        raise UsageError(f"%langswarm help: unknown command {name!r}{did_you_mean(name, COMMANDS) or '.'}")
    print(cell_help() if name is None else command_help(name))  # noqa: T201


EXAMPLES = """\
A real model, in three lines (`%langswarm setup` finds what there is and asks):
  %langswarm key openai
  %langswarm use openai:gpt-6-luna
  %langswarm ask Which model are you?

`%langswarm help COMMAND`, or `%langswarm COMMAND --help`, explains one of them.
Settings: `%config LangSwarmMagics`, or LANGSWARM_<NAME>."""

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        *about.COMMANDS,
        Command(
            "help",
            _help,
            "show this help, or that of a command",
            (arg("name", metavar="COMMAND", nargs="?", completes="command"),),
        ),
        *writing.COMMANDS,
        *panels.COMMANDS,
        *model_lists.COMMANDS,
        *models.COMMANDS,
        *sessions.COMMANDS,
        *tree.COMMANDS,
        *sync.COMMANDS,
        *data.COMMANDS,
        *figures.COMMANDS,
    )
}
"""Every command by its name, in the order of the help."""
