"""What Tab offers: commands, flags, models, sessions, branches, and variables inside ``{{``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from langswarm_nb.notebook.asking.cell_flags import line_parser
from langswarm_nb.notebook.asking.magic_parser import Kind, MagicParser
from langswarm_nb.notebook.commands import COMMANDS

_LINE = re.compile(r"\s*%langswarm\s+(?P<rest>[^\n]*)$")
_CELL_LINE = re.compile(r"\s*%%langswarm[ \t]+(?P<rest>[^\n]*)$")
_FIELD = re.compile(r"(?<!\\)\{\{\s*(?P<expression>[\w.]*)$")
_WORD = re.compile(r"""(?:[^\s'"]|'[^']*(?:'|$)|"[^"]*(?:"|$))+""")
_AT_NEXT = re.compile(r"""(?:[^'"]|'[^']*'|"[^"]*")*\s""")
"""Words that end in a space outside of quotes."""
_OPEN = re.compile(r"""(?:[^'"]|'[^']*'|"[^"]*")*(?:'(?P<a>[^']*)|"(?P<b>[^"]*))""")
_BEHIND_NAME = re.compile(r"(?:^|[,\[{])\s*[^\s,:\[\]{}|<]+\s+(?P<type>\w*)$")
_MOST_FILES = 2000


@dataclass(frozen=True, slots=True)
class Found:
    """What is being typed, and what it may become."""

    fragment: str
    words: tuple[str, ...]
    type: str = ""
    """What they are, which front ends show beside them."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where names come from."""

    of_kind: Mapping[Kind, Callable[[], Iterable[str]]]
    """Each is asked only when it is needed."""
    variables: Mapping[str, Any]
    """The user's."""


def complete(text: str, sources: Sources) -> Found | None:
    """Return what fits the text before the cursor; None when it is nothing of ours."""
    if match := _CELL_LINE.match(text):
        return _arguments(line_parser(), match["rest"], sources)
    if text.lstrip().startswith("%%langswarm"):
        return _field(text, sources.variables)
    if match := _LINE.match(text.rpartition("\n")[2]):
        return _command(match["rest"], sources)
    return None


def _command(rest: str, sources: Sources) -> Found | None:
    name, space, arguments = rest.partition(" ")
    if not space:
        return _fitting(name, COMMANDS, "command")
    command = COMMANDS.get(name)
    if command is None:
        return None
    return _field(rest, sources.variables) if command.text else _arguments(command.parser, arguments, sources)


def _arguments(parser: MagicParser, rest: str, sources: Sources) -> Found | None:
    words = _WORD.findall(rest)
    *before, word = words if words and not _AT_NEXT.fullmatch(rest) else [*words, ""]
    if open_text := _OPEN.fullmatch(word):
        return _type(parser, before, open_text["a"] or open_text["b"] or "")
    if word.startswith("-"):
        return _fitting(word, parser.flags, "flag")
    return _value(parser, before, word, rest, sources)


def _value(
    parser: MagicParser, before: Sequence[str], word: str, rest: str, sources: Sources
) -> Found | None:
    action = _argument_at_end(parser, before)
    if action is None:
        return None
    if action.choices:
        return _fitting(word, action.choices, "value")
    kind = parser.completes.get(action.dest)
    if kind is None:
        return None
    if kind in ("attachment", "schema"):
        return _file_or_variable(kind, rest, word, sources)
    return _fitting(word, COMMANDS if kind == "command" else sources.of_kind[kind](), kind)


def _type(parser: MagicParser, before: Sequence[str], text: str) -> Found | None:
    """Return the types that may stand behind a name, in a schema or questions between quotes that are still open."""
    action, field = _argument_at_end(parser, before), _BEHIND_NAME.search(text)
    if action is None or field is None or action.dest not in ("schema", "decide"):
        return None
    from langswarm_nb.core.session.answers.one_line import TYPES

    return _fitting(field["type"], TYPES if action.dest == "schema" else ("bool",), "type")


def _file_or_variable(kind: Kind, rest: str, word: str, sources: Sources) -> Found | None:
    """Return what can be attached, or describe an answer: files of the folder, outputs, variables within braces."""
    if word.startswith("{{") or _FIELD.search(rest):
        return _field(rest, sources.variables)
    files = [path for path in _paths(word) if kind != "schema" or path.endswith(("/", ".json"))]
    found = _fitting(word, [*sources.of_kind[kind](), *files], kind)
    return found if found.words else None  # IPython knows files in quotes


def _paths(word: str) -> list[str]:
    folder, slash, name = word.rpartition("/")
    try:
        there = list(islice(Path(folder or slash or ".").expanduser().iterdir(), _MOST_FILES))
    except OSError:
        return []
    return [
        f"{folder}{slash}{file.name}{'/' if file.is_dir() else ''}"
        for file in there
        if file.name.startswith(name) and (name or not file.name.startswith("."))
    ]


def _argument_at_end(parser: MagicParser, words: Sequence[str]) -> argparse.Action | None:
    """Return the argument that comes next, after these words; None when there is none."""
    n_plain, of_flag, flag = 0, 0, None
    for word in words:
        if of_flag:
            of_flag -= 1
        elif (flag := parser.action(word)) is not None:
            of_flag = flag.nargs if isinstance(flag.nargs, int) else 1
        else:
            n_plain += 1
    if of_flag:
        return flag
    return next(iter(parser.positionals[n_plain:] or parser.positionals[-1:]), None)


def _field(text: str, variables: Mapping[str, Any]) -> Found | None:
    match = _FIELD.search(text)
    if match is None:
        return None
    *owners, word = match["expression"].split(".")
    if not owners:
        return _fitting(word, (name for name in variables if not name.startswith("_")), "variable")
    if owners[0] not in variables:
        return Found(word, ())
    value = variables[owners[0]]
    for attribute in owners[1:]:
        value = getattr(value, attribute, None)
    return _fitting(word, (name for name in dir(value) if not name.startswith("_")), "attribute")


def _fitting(word: str, known: Iterable[str], type: str) -> Found:
    fits: Sequence[str] = sorted({str(name) for name in known if str(name).startswith(word)})
    return Found(word, tuple(fits), type)
