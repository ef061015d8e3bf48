"""Keep what the user types from IPython's own rewriting: prompts that hold ``>>>``, questions that end in ``?``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import EscapedCommand, MagicAssign

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_CELL = re.compile(r"%%langswarm(?:[ \t]+(?P<line>.*?))?\s*$")
_QUESTION = re.compile(r"%langswarm\s+(?P<command>\S+)\s.*\?\s*$")


def whole_cell(lines: list[str]) -> list[str]:
    """Turn a ``%%langswarm`` cell into its call before IPython takes ``>>>`` and ``In [1]:`` for prompts of its own."""
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    match = None if first is None else _CELL.match(lines[first])
    if first is None or match is None:
        return lines
    body = "".join(lines[first + 1 :]) or "\n"  # else IPython refuses it, also where it only asks for help
    return [f"get_ipython().run_cell_magic('langswarm', {match['line'] or ''!r}, {body!r})\n"]


# IPython then asks its own transformers alone whether a cell is complete: at a prompt, Enter goes on to the next line.
whole_cell.has_side_effects = True  # type: ignore[attr-defined]  # what IPython looks for


class QuestionLine(EscapedCommand):
    """A command whose text ends in ``?``, which IPython takes for a call for help."""

    priority = 1  # before HelpEnd

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[Any]]) -> QuestionLine | None:
        """Return the first such line."""
        for tokens in tokens_by_line:
            start = next((token for token in tokens if token.string.strip()), None)
            if start is not None and start.string == "%" and _is_question(start.line.lstrip()):
                return cls(start.start)
        return None


class QuestionAssignment(MagicAssign):
    """The same behind ``name =``."""

    priority = 1

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[Any]]) -> QuestionAssignment | None:
        """Return the first such line."""
        for tokens in tokens_by_line:
            found = super().find([tokens])  # type: ignore[no-untyped-call]  # IPython is typed in parts
            if found is not None and _is_question(tokens[0].line[found.start_col :]):
                return cls((found.start_line + 1, found.start_col))
        return None


def _is_question(line: str) -> bool:
    """Return whether a line is a command whose text ends in ``?``."""
    match = _QUESTION.match(line)
    if match is None:
        return False
    from langswarm_nb.notebook.commands import COMMANDS  # at the first line that may be one

    command = COMMANDS.get(match["command"])
    return command is not None and bool(command.text)


_TOKEN_TRANSFORMERS = (QuestionLine, QuestionAssignment)


def add_transformers(shell: InteractiveShell) -> None:
    """Put ours before IPython's."""
    manager = shell.input_transformer_manager
    manager.cleanup_transforms.insert(0, whole_cell)
    manager.token_transformers[:0] = _TOKEN_TRANSFORMERS


def remove_transformers(shell: InteractiveShell) -> None:
    """Take ours away."""
    manager = shell.input_transformer_manager
    manager.cleanup_transforms[:] = [f for f in manager.cleanup_transforms if f is not whole_cell]
    manager.token_transformers[:] = [c for c in manager.token_transformers if c not in _TOKEN_TRANSFORMERS]
