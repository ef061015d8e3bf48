"""`MagicParser`: an argparse parser that speaks as a notebook does: errors in one line, help without a program."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from typing import Any, Literal, NoReturn, TypeAlias

from IPython.core.error import UsageError

from langswarm_nb.core.session.secret import Mask
from langswarm_nb.core.session.text import did_you_mean

Kind: TypeAlias = Literal["command", "model", "provider", "session", "branch", "attachment", "tool", "schema"]
"""What the value of an argument can be the name of, so that Tab can offer those there are."""


def asks_for_help(words: str) -> bool:
    """Tell whether what follows a magic is no more than a call for its help, as a shell's commands take it."""
    return words.strip() in {"-h", "--help"}


class MagicParser(argparse.ArgumentParser):
    """Parses the words of a magic line.

    Parameters
    ----------
    command : str
        How the user writes it, for errors and help: ``%%langswarm``, ``%langswarm use``.
    usage, description : str, optional
        For the help.
    """

    def __init__(self, command: str, *, usage: str | None = None, description: str | None = None) -> None:
        super().__init__(
            prog=command,
            usage=usage and usage.replace("%", "%%"),  # the only text that argparse fills in
            description=description,
            formatter_class=_Help,
            add_help=False,
            allow_abbrev=False,
        )
        self.command = command
        self.completes: dict[str, Kind] = {}
        """Argument -> what its value names."""
        self.color = False  # Python 3.14 would colour the help of a terminal, and the docstring with it

    def add_argument(self, *names: str, completes: Kind | None = None, **settings: Any) -> argparse.Action:
        """Add an argument as `argparse` does, and remember what its value names."""
        if settings.get("nargs") == "*":  # else argparse names it among what is missing
            settings.setdefault("default", [])
        action = super().add_argument(*names, **settings)
        if completes is not None:
            self.completes[action.dest] = completes
        return action

    def parse_line(self, words: Sequence[str]) -> argparse.Namespace:
        """Return what the words say.

        Raises
        ------
        UsageError
            A flag is unknown (the nearest one is named), a value is missing or of the wrong kind.
        """
        found, rest = self.parse_known_args(list(words))
        if rest:
            self.error(self._unknown(rest[0]))
        return found

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print.

        Raises
        ------
        UsageError
            Always.
        """
        text = Mask()(message.removeprefix("argument "))
        end = "" if text.endswith("?") else "."
        raise UsageError(f"{self.command}: {text}{end} `{self._help_command}` lists what there is.")

    @property
    def actions(self) -> list[argparse.Action]:
        """All flags and arguments."""
        return list(self._actions)

    @property
    def flags(self) -> list[str]:
        """Every flag, in the order of the help."""
        return [flag for action in self._actions for flag in action.option_strings]

    @property
    def positionals(self) -> list[argparse.Action]:
        """The arguments without a flag."""
        return [action for action in self._actions if not action.option_strings]

    def action(self, flag: str) -> argparse.Action | None:
        """Return what a flag stands for; None when there is no such flag."""
        return next((action for action in self._actions if flag in action.option_strings), None)

    @property
    def _help_command(self) -> str:
        return " ".join(["%langswarm help", *self.command.split()[1:]])

    def _unknown(self, word: str) -> str:
        flag = word.split("=", 1)[0]
        if flag.startswith("-"):
            return f"unknown flag {flag}{did_you_mean(flag, self.flags)}"
        return f"unexpected word {word!r}; text with spaces goes into quotes, a prompt below the first line"


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help of `help_width`, with one metavar for a flag's two names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=help_width())

    def add_usage(self, usage, actions, groups, prefix=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        super().add_usage(usage, actions, groups, "" if prefix is None else prefix)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return argparse.HelpFormatter._fill_text(self, text, width, indent)  # noqa: SLF001

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, action.dest.upper())}"


def help_width() -> int:
    """Return how many characters a line of help has: as the terminal, up to 100; 80 in a notebook."""
    return min(shutil.get_terminal_size((82, 24)).columns - 2, 100)
